package chaos_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

var (
	rounds = flag.Int("chaos.rounds", 0, "how many faults each test has; 0 stands for a few")
	seed   = flag.Uint64("chaos.seed", 0, "draws the faults; 0 stands for a new one. The order of events is the machine's")
)

// within is how long a test waits for what must happen.
const within = 40 * time.Second

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// dice returns what decides, and prints its seed.
func dice(t *testing.T) *rand.Rand {
	s := *seed
	for s == 0 {
		s = rand.Uint64()
	}
	t.Logf("-chaos.seed %d", s)
	return rand.New(rand.NewPCG(s, 0))
}
