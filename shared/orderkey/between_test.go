package orderkey_test

import (
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/orderkey"
)

func TestBetweenByExample(t *testing.T) {
	for _, c := range []struct{ left, right, tag, want string }{
		{"", "", "", "H"},
		{"", "", "x7", "Hx7"},
		{"Hx7", "", "y2", "Iy2"},
		{"_", "", "", "a1"},
		{"az", "", "", "b1"},
		{"", "H", "", "G"},
		{"", "A", "", "9z"},
		{"H", "J", "", "I"},
		{"H", "I", "", "HW"},
		{"H", "I", "x7", "HWx7"},
		// Outside of the run of Hx7, whose unseen keys come before it.
		{"Hx7", "Hy2", "b1", "Hx_b1"},
		{"Hx7-C", "Hy2", "b1", "Hx_b1"},
		{"Hx7-C", "", "b1", "Ib1"},
		{"Hx7-C-Q", "I", "b1", "Hzb1"},
		{"", "Hx7-C", "b1", "Gb1"},
		{"G", "Hx7-C", "b1", "Gyb1"},
		// Inside of the run, but no key that the run itself might have.
		{"Hx7-C", "Hx7-E", "b1", "Hx7-Db1"},
		{"Hx7-C", "Hx7-E", "", "Hx7-DV"},
		{"Hx7-a", "Hx7-c", "1", "Hx7-bV1"},
		{"Hx7", "Hx7-A", "b1", "Hx7-9zb1"},
		{"Hx7-C-A", "Hx7-D", "b1", "Hx7-CWb1"},
	} {
		got, err := orderkey.Between(c.left, c.right, c.tag)
		if err != nil || got != c.want {
			t.Errorf("Between(%q, %q, %q) = %q, %v, want %q", c.left, c.right, c.tag, got, err, c.want)
		}
	}
}

// TestBetween checks random bounds against what the keys mean.
func TestBetween(t *testing.T) {
	r := logSeed(t, 1)
	for range 50_000 {
		left, right := bounds(r)
		tag := ""
		if r.IntN(3) > 0 {
			tag = segment(r, 3)
		}
		got, err := orderkey.Between(left, right, tag)
		if err != nil {
			t.Fatalf("Between(%q, %q, %q): %v", left, right, tag, err)
		}
		if !between(left, got, right) || !strings.HasSuffix(got, tag) || !orderkey.Valid(got) {
			t.Fatalf("Between(%q, %q, %q) = %q", left, right, tag, got)
		}
		if intruded(left, got, right) || orderkey.Root(got) != got {
			t.Fatalf("Between(%q, %q, %q) = %q, in a run", left, right, tag, got)
		}
		if left != "" && right != "" && !strings.HasPrefix(got, left+"-") {
			// Behind what the author of left may add, as deep as he may be.
			for root := left; ; root = root[:strings.LastIndexByte(root, '-')] {
				if !orderkey.InRun(right, root) && got < root+"-zzzzzzzzz" {
					t.Fatalf("Between(%q, %q, %q) = %q, inside the run of %s", left, right, tag, got, root)
				}
				if !strings.Contains(root, "-") {
					break
				}
			}
		}
	}
}

// TestBetweenIsShortest compares the length with that of the shortest fraction
// between two others that may be followed by any digits, which is found by trying
// all lengths.
func TestBetweenIsShortest(t *testing.T) {
	r := logSeed(t, 2)
	for range 5000 {
		left, right := segment(r, 3), segment(r, 3)
		if left >= right {
			continue
		}
		got, err := orderkey.Between(left, right, "")
		if err != nil {
			t.Fatal(err)
		}
		low, mid, high := fraction(left), fraction(got), fraction(right)
		if low.Cmp(mid) >= 0 || mid.Cmp(high) >= 0 {
			t.Fatalf("%s is not between %s and %s as a fraction", got, left, right)
		}
		shortest := 1
		for ; ; shortest++ {
			scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(63), big.NewInt(int64(shortest)), nil))
			l, h := new(big.Rat).Mul(low, scale), new(big.Rat).Mul(high, scale)
			n := new(big.Int).Div(l.Num(), l.Denom())
			n.Add(n, big.NewInt(1))
			if new(big.Int).Mod(n, big.NewInt(63)).Sign() == 0 {
				n.Add(n, big.NewInt(1))
			}
			if n.Cmp(new(big.Int).Div(h.Num(), h.Denom())) < 0 {
				break
			}
		}
		if len(got) != shortest {
			t.Fatalf("Between(%s, %s) = %s, of %d digits, want %d", left, right, got, len(got), shortest)
		}
	}
}

func TestSpread(t *testing.T) {
	r := logSeed(t, 3)
	for range 3000 {
		left, right := bounds(r)
		n := r.IntN(1 + r.IntN(1500)*r.IntN(2) + r.IntN(20))
		tag := ""
		if r.IntN(3) > 0 {
			tag = segment(r, 3)
		}
		keys, err := orderkey.Spread(left, right, n, tag)
		if err != nil || len(keys) != n {
			t.Fatalf("Spread(%q, %q, %d, %q): %d keys, %v", left, right, n, tag, len(keys), err)
		}
		previous := left
		for _, k := range keys {
			if !between(previous, k, right) || !strings.HasSuffix(k, tag) || !orderkey.Valid(k) || intruded(left, k, right) || orderkey.Root(k) != k {
				t.Fatalf("Spread(%q, %q, %d, %q): %q after %q", left, right, n, tag, k, previous)
			}
			previous = k
		}
	}
}

// TestSpreadIsEven: the distances of fractions differ by less than the two units
// that a skipped multiple of 63 makes.
func TestSpreadIsEven(t *testing.T) {
	r := logSeed(t, 4)
	for range 300 {
		left, right := segment(r, 2), segment(r, 2)
		if left >= right {
			continue
		}
		keys, err := orderkey.Spread(left, right, 1+r.IntN(200), "")
		if err != nil {
			t.Fatal(err)
		}
		scale := int64(1)
		for range len(keys[0]) {
			scale *= 63
		}
		var steps []int64
		previous := fraction(keys[0])
		for i, k := range keys {
			if len(k) != len(keys[0]) {
				t.Fatalf("Spread(%s, %s): %s and %s", left, right, keys[0], k)
			}
			f := fraction(k)
			step := new(big.Rat).Sub(f, previous)
			if previous = f; i > 0 {
				steps = append(steps, step.Mul(step, big.NewRat(scale, 1)).Num().Int64())
			}
		}
		if len(steps) > 0 && slices.Max(steps)-slices.Min(steps) > 2 {
			t.Fatalf("Spread(%s, %s, %d) steps by %d to %d", left, right, len(keys), slices.Min(steps), slices.Max(steps))
		}
	}
}

func TestSpreadApart(t *testing.T) {
	r := logSeed(t, 5)
	for range 2000 {
		left, right := bounds(r)
		before, after := r.IntN(20), r.IntN(20)
		keys, err := orderkey.SpreadApart(left, right, before, after)
		if err != nil || len(keys) != before+after {
			t.Fatalf("SpreadApart(%q, %q, %d, %d): %d keys, %v", left, right, before, after, len(keys), err)
		}
		previous, longest := left, 0
		for _, k := range keys {
			if !between(previous, k, right) || !orderkey.Valid(k) || intruded(left, k, right) || orderkey.Root(k) != k {
				t.Fatalf("SpreadApart(%q, %q, %d, %d): %q after %q", left, right, before, after, k, previous)
			}
			previous, longest = k, max(longest, len(k))
		}
		if left == "" || right == "" || before == 0 || after == 0 {
			continue
		}
		middle, err := orderkey.Spread(keys[before-1], keys[before], 5000, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range middle {
			// A key that might be taken for one of the run is a digit longer.
			if len(k) > longest+1 || len(k) > longest && !strings.Contains(k, "-") {
				t.Fatalf("SpreadApart(%q, %q, %d, %d): %q is longer than %d", left, right, before, after, k, longest)
			}
		}
	}
}

// TestGrowth holds the functions to the lengths that they document.
func TestGrowth(t *testing.T) {
	type count struct{ n, digits int }
	check := func(name string, counts []count, first string, next func(string) (string, error)) {
		t.Helper()
		k, i := first, 0
		for _, c := range counts {
			for ; i < c.n; i++ {
				var err error
				if k, err = next(k); err != nil {
					t.Fatal(name, err)
				}
			}
			if len(k) > c.digits {
				t.Errorf("%s: key %d is %q", name, i, k)
			}
		}
	}
	check("append", []count{{1000, 2}, {13_000, 3}, {259_000, 4}}, "", func(k string) (string, error) { return orderkey.Between(k, "", "") })
	check("append tagged", []count{{1000, 5}, {13_000, 6}, {259_000, 7}}, "", func(k string) (string, error) { return orderkey.Between(k, "", "x_7") })
	check("prepend", []count{{350, 2}, {8000, 3}, {254_000, 4}}, "", func(k string) (string, error) { return orderkey.Between("", k, "") })
	check("continue", []count{{27, 3}, {1300, 4}, {13_000, 5}, {259_000, 6}}, "H", func(k string) (string, error) { return orderkey.Continue(k, "") })
	check("in front of I", []count{{10, 3}, {60, 13}, {600, 121}}, "H", func(k string) (string, error) { return orderkey.Between(k, "I", "") })
	check("behind H", []count{{12, 3}, {60, 11}, {600, 101}}, "I", func(k string) (string, error) { return orderkey.Between("H", k, "") })
}

func TestErrors(t *testing.T) {
	var invalid *orderkey.Error
	var order *orderkey.OrderError
	for _, k := range []string{"", "0", "H0", "-", "-H", "H-", "H--I", "H-0", "H0-I", "H\x00", "H!", "é", "H I", "H\xff"} {
		if k != "" {
			for name, err := range map[string]error{
				"Between left":   failure(orderkey.Between(k, "", "")),
				"Between right":  failure(orderkey.Between("", k, "")),
				"Spread left":    failure(orderkey.Spread(k, "", 3, "")),
				"Spread right":   failure(orderkey.Spread("", k, 3, "")),
				"Continue right": failure(orderkey.Continue("1", k)),
				"tag":            failure(orderkey.Between("", "", k)),
				"tag of Spread":  failure(orderkey.Spread("", "", 3, k)),
			} {
				if !errors.As(err, &invalid) || invalid.Text != k {
					t.Errorf("%q as %s: %v", k, name, err)
				}
			}
		}
		if err := failure(orderkey.Continue(k, "")); !errors.As(err, &invalid) {
			t.Errorf("Continue(%q): %v", k, err)
		}
		if orderkey.Valid(k) {
			t.Errorf("%q is valid", k)
		}
	}
	for _, tag := range []string{"x-7", "abcdefghi"} {
		if err := failure(orderkey.Between("", "", tag)); !errors.As(err, &invalid) {
			t.Errorf("tag %q: %v", tag, err)
		}
	}
	for _, c := range [][2]string{{"H", "H"}, {"I", "H"}, {"H-A", "H"}, {"HA", "H-A"}} {
		for _, err := range []error{
			failure(orderkey.Between(c[0], c[1], "")), failure(orderkey.Spread(c[0], c[1], 1, "")), failure(orderkey.Continue(c[0], c[1])),
		} {
			if !errors.As(err, &order) || order.Left != c[0] || order.Right != c[1] {
				t.Errorf("%q: %v", c, err)
			}
		}
	}
}

func failure[T any](_ T, err error) error { return err }

// FuzzKeys: no input panics, and what is returned is a key where it should be.
func FuzzKeys(f *testing.F) {
	f.Add("", "", "", uint8(3))
	f.Add("Hx7-C", "Hy2", "b1", uint8(9))
	f.Add("zzzzzzzz", "", "z", uint8(200))
	f.Add("zzzzzzx", "", "7", uint8(200))
	f.Add("", "00000001", "1", uint8(200))
	f.Add("H-A", "H-A-A", "", uint8(0))
	f.Add("H-zzzzzzzz", "I", "x", uint8(5))
	f.Add("\xff", "-", "0", uint8(1))
	f.Fuzz(func(t *testing.T, left, right, tag string, n uint8) {
		valid := (left == "" || orderkey.Valid(left)) && (right == "" || orderkey.Valid(right)) && (right == "" || left < right)
		validTag := tag == "" || orderkey.Valid(tag) && !strings.Contains(tag, "-") && len(tag) <= orderkey.MaxTag
		check := func(k string, err error, valid bool) {
			t.Helper()
			if (err == nil) != valid {
				t.Fatalf("%q, %q, %q: %v", left, right, tag, err)
			}
			if err == nil && (!between(left, k, right) || !orderkey.Valid(k)) {
				t.Fatalf("%q, %q, %q: %q", left, right, tag, k)
			}
		}
		k, err := orderkey.Between(left, right, tag)
		check(k, err, valid && validTag)
		k, err = orderkey.Continue(left, right)
		check(k, err, valid && left != "")
		if err == nil && (!strings.HasPrefix(k, orderkey.Root(left)+"-")) {
			t.Fatalf("Continue(%q, %q) = %q", left, right, k)
		}
		keys, err := orderkey.Spread(left, right, int(n), tag)
		if (err == nil) != (valid && validTag) || err == nil && (len(keys) != int(n) || !slices.IsSorted(keys)) {
			t.Fatalf("Spread(%q, %q, %d, %q) = %q, %v", left, right, n, tag, keys, err)
		}
		for _, k := range keys {
			check(k, nil, true)
		}
		keys, err = orderkey.SpreadApart(left, right, int(n), int(n/2))
		if (err == nil) != valid || err == nil && (len(keys) != int(n)+int(n/2) || !slices.IsSorted(keys)) {
			t.Fatalf("SpreadApart(%q, %q, %d, %d) = %q, %v", left, right, n, n/2, keys, err)
		}
		for _, k := range keys {
			check(k, nil, true)
		}
	})
}

func TestRootAndTagged(t *testing.T) {
	for k, root := range map[string]string{
		"Hx7": "Hx7", "A": "A", "Hx7-A": "Hx7", "Hx7-a9-A": "Hx7", "Hx7-Ab1": "Hx7-Ab1", "Hx7-Ab1-A-B": "Hx7-Ab1", "Hx7-a": "Hx7-a",
	} {
		if got := orderkey.Root(k); got != root {
			t.Errorf("Root(%q) = %q, want %q", k, got, root)
		}
		for _, tag := range []string{"x7", "b1", "A", ""} {
			if got, want := orderkey.Tagged(k, tag), tag != "" && strings.HasSuffix(root, tag); got != want {
				t.Errorf("Tagged(%q, %q) = %v", k, tag, got)
			}
		}
		if !orderkey.InRun(k, root) || orderkey.InRun(k+"V", k) {
			t.Errorf("InRun(%q)", k)
		}
	}
}
