package inbox

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

var (
	seeds = flag.Int("inbox.seeds", 5, "random histories")
	rate  = flag.Int("inbox.rate", 0, "documents of 100 events in TestRate; 0: it is not run")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
