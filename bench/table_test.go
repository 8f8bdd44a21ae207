package bench_test

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/rivulet-sync/rivulet/e2e"
)

func TestMain(m *testing.M) {
	results.m = m
	e2e.Main(&results)
}

// results collects rows and prints them when all benchmarks are done.
var results table

type table struct {
	m    *testing.M
	mu   sync.Mutex
	rows []row
}

type row struct{ what, measured, goal string }

// Run runs the benchmarks and prints the table.
func (t *table) Run() int {
	code := t.m.Run()
	if len(t.rows) > 0 {
		fmt.Println()
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
		fmt.Fprintln(w, "what\tmeasured\tgoal")
		for _, r := range t.rows {
			fmt.Fprintf(w, "%s\t%s\t%s\n", r.what, r.measured, r.goal)
		}
		w.Flush()
	}
	return code
}

func (t *table) add(what, measured, goal string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = slices.DeleteFunc(t.rows, func(r row) bool { return r.what == what })
	t.rows = append(t.rows, row{what, measured, goal})
}

// percentile returns the p-th percentile of the durations, which it sorts.
func percentile(all []time.Duration, p int) time.Duration {
	slices.Sort(all)
	return all[min(len(all)*p/100, len(all)-1)]
}

func ms(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}
