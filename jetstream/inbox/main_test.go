package inbox

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

var (
	seeds = flag.Int("inbox.seeds", 5, "random histories")
	rate  = flag.Int("inbox.rate", 5, "documents of TestRate, of 100 events each")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
