package table

import (
	"math"
	"math/bits"
	"strconv"
)

// sum adds up float64s exactly and forgets them exactly: the result, rounded
// once, depends on what is in it and not on how it came to be. It is a fixed
// point number whose unit is the smallest float64.
type sum struct {
	// limbs have 32 bits each, the least significant first, and room for carries.
	limbs  [68]int64
	writes int // since carries were passed on
	// Numbers beyond all float64s.
	above, below int
}

const (
	unitExponent = -1074
	mantissaBits = 52
	maxWrites    = 1 << 29
)

// add adds the float64 nearest to a number's literal, times the times that it
// is to be counted: 1 or -1.
func (s *sum) add(literal string, times int) {
	f, _ := strconv.ParseFloat(literal, 64)
	switch {
	case math.IsInf(f, 1):
		s.above += times
		return
	case math.IsInf(f, -1):
		s.below += times
		return
	}
	b := math.Float64bits(f)
	mantissa, exponent := b&(1<<mantissaBits-1), int(b>>mantissaBits&0x7ff)
	if exponent == 0 {
		exponent = 1
	} else {
		mantissa |= 1 << mantissaBits
	}
	sign := int64(times)
	if f < 0 {
		sign = -sign
	}
	at, shift := (exponent-1)/32, uint((exponent-1)%32)
	high, low := bits.Mul64(mantissa, 1<<shift)
	s.limbs[at] += sign * int64(low&math.MaxUint32)
	s.limbs[at+1] += sign * int64(low>>32)
	s.limbs[at+2] += sign * int64(high)
	if s.writes++; s.writes == maxWrites {
		s.carry()
	}
}

// carry brings all limbs but the last to 0 <= limb < 2^32.
func (s *sum) carry() {
	s.writes = 0
	for i := range len(s.limbs) - 1 {
		s.limbs[i+1] += s.limbs[i] >> 32
		s.limbs[i] &= math.MaxUint32
	}
}

// value returns the sum as the nearest float64: infinite beyond the greatest, not
// a number if there are numbers both above and below all float64s.
func (s *sum) value() float64 {
	switch {
	case s.above > 0 && s.below > 0:
		return math.NaN()
	case s.above > 0:
		return math.Inf(1)
	case s.below > 0:
		return math.Inf(-1)
	}
	s.carry()
	magnitude, negative := *s, s.limbs[len(s.limbs)-1] < 0
	if negative {
		for i := range magnitude.limbs {
			magnitude.limbs[i] = -magnitude.limbs[i]
		}
		magnitude.carry()
	}
	f := magnitude.nearest()
	if negative {
		f = -f
	}
	return f
}

// nearest returns the value of limbs that carried and are not negative.
func (s *sum) nearest() float64 {
	top := len(s.limbs) - 1
	for top > 0 && s.limbs[top] == 0 {
		top--
	}
	limb := func(i int) uint64 {
		if i < 0 {
			return 0
		}
		return uint64(s.limbs[i])
	}
	// The 64 bits from the highest one on, the last of which also stands for all
	// that follow: float64 rounds them as it would round the whole.
	zeros := bits.LeadingZeros32(uint32(limb(top)))
	head := (limb(top)<<32|limb(top-1))<<zeros | limb(top-2)>>(32-zeros)
	rest := limb(top-2) << zeros & math.MaxUint32
	for i := top - 3; i >= 0; i-- {
		rest |= limb(i)
	}
	if rest != 0 {
		head |= 1
	}
	return math.Ldexp(float64(head), 32*(top-1)-zeros+unitExponent)
}
