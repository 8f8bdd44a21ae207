package orderkey_test

import (
	"math/rand/v2"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/orderkey"
)

var sink string

func BenchmarkBetween(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 0))
	var pairs [512][2]string
	for i := range pairs {
		pairs[i][0], pairs[i][1] = bounds(r)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p := pairs[i%len(pairs)]
		sink, _ = orderkey.Between(p[0], p[1], "x7")
	}
}

func BenchmarkContinue(b *testing.B) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%1000 == 0 {
			sink = "Hx7"
		}
		sink, _ = orderkey.Continue(sink, "I")
	}
}
