package converge_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	seedFlag = flag.Int64("converge.seed", -1, "run only this seed")
	shrink   = flag.Bool("converge.shrink", false, "find the steps that a failing seed needs")
	soak     = flag.Duration("converge.soak", 0, "run new seeds for so long")
)

const (
	seeds  = 2000
	groups = 20
	kept   = "testdata/seeds.txt"
)

// TestL4_L7_L8_Converge runs the seeds that have failed once, and then the first two
// thousand.
func TestL4_L7_L8_Converge(t *testing.T) {
	if *seedFlag >= 0 {
		try(t, uint64(*seedFlag), variant{})
		return
	}
	t.Run("kept", func(t *testing.T) {
		for _, k := range keptSeeds(t) {
			try(t, k.seed, k.variant)
		}
	})
	var total totals
	for group := range uint64(groups) {
		first := group * seeds / groups
		t.Run(fmt.Sprintf("%d-%d", first, first+seeds/groups-1), func(t *testing.T) {
			for seed := first; seed < first+seeds/groups; seed++ {
				total.add(try(t, seed, variant{}))
			}
		})
	}
	t.Logf("%+v", total)
	if total.mutations < 5*seeds || total.reruns < seeds || total.conflicts < 5*seeds || total.whole < seeds/20 || total.resumes < seeds/4 || total.snapshots < seeds {
		t.Errorf("this simulates too little: %+v", total)
	}
}

// TestTypists lets two to five people do nothing but write: at the same places, with
// characters beyond the basic plane, deleting across each other's runs.
func TestTypists(t *testing.T) {
	if *seedFlag >= 0 {
		try(t, uint64(*seedFlag), variant{people: typists})
		return
	}
	var total totals
	for seed := range uint64(400) {
		total.add(try(t, seed, variant{people: typists}))
	}
	t.Logf("%+v", total)
	if total.mutations < 4000 || total.conflicts < 1000 || total.whole < 50 {
		t.Errorf("this simulates too little: %+v", total)
	}
}

// TestUndoers lets people do much at once and take most of it back, several transactions at
// a time, while those and their undos are on their way, refused and run again.
func TestUndoers(t *testing.T) {
	if *seedFlag >= 0 {
		try(t, uint64(*seedFlag), variant{people: undoers})
		return
	}
	var total totals
	for seed := range uint64(400) {
		total.add(try(t, seed, variant{people: undoers}))
	}
	t.Logf("%+v", total)
	if total.mutations < 2000 || total.reruns < 1500 || total.conflicts < 1500 || total.whole < 50 {
		t.Errorf("this simulates too little: %+v", total)
	}
}

// TestL4_L7_L8_ConvergeWithFolds has the server fold what a client lacks, as a rule.
func TestL4_L7_L8_ConvergeWithFolds(t *testing.T) {
	v := variant{folds: true}
	if *seedFlag >= 0 {
		for _, v.people = range []people{anybody, typists} {
			try(t, uint64(*seedFlag), v)
		}
		return
	}
	var total totals
	for seed := uint64(1000); seed < 1600; seed++ {
		if v.people = anybody; seed%3 == 2 {
			v.people = typists
		}
		total.add(try(t, seed, v))
	}
	t.Logf("%+v", total)
	if total.mutations < 5*600 || total.conflicts < 4*600 || total.folds < 400 || total.folded < 700 {
		t.Errorf("this simulates too little: %+v", total)
	}
}

// TestSoak runs new seeds, larger ones, as long as it is told to.
func TestSoak(t *testing.T) {
	end := time.Now().Add(*soak)
	for n := 0; time.Now().Before(end); n++ {
		try(t, rand.Uint64()>>1, variant{people: []people{anybody, undoers, anybody, typists}[n%4], folds: n%8 >= 4})
	}
}

// totals is what was simulated.
type totals struct{ mutations, records, reruns, conflicts, duplicates, resumes, snapshots, folds, folded, whole int }

func (t *totals) add(s *sim) {
	t.mutations += s.made
	t.records += len(s.server.log)
	t.reruns += s.reruns
	t.conflicts += s.server.conflicts
	t.duplicates += s.server.duplicates
	t.resumes += s.server.resumes
	t.snapshots += s.server.snapshots
	t.folds += s.server.folds
	t.folded += s.server.folded
	t.whole += s.whole
}

func quiet(string, ...any) {}

// try runs a seed. One that fails is kept.
func try(t *testing.T, seed uint64, v variant) *sim {
	t.Helper()
	steps := stepsOf(seed, v)
	s, err := run(seed, steps, v, quiet)
	if err == nil {
		return s
	}
	keep(t, keptSeed{seed, v})
	if *shrink {
		steps, err = smallest(seed, steps, v, err)
		t.Logf("it takes the steps %v", steps)
		_, _ = run(seed, steps, v, t.Logf)
	}
	t.Fatalf("seed %d: %v\nrun it again with -converge.seed %d -converge.shrink", seed, err, seed)
	return nil
}

// smallest leaves out steps as long as the run still fails.
func smallest(seed uint64, steps []int, v variant, err error) ([]int, error) {
	for size := len(steps) / 2; size > 0; {
		shorter := false
		for from := 0; from < len(steps); {
			without := slices.Delete(slices.Clone(steps), from, min(from+size, len(steps)))
			if _, again := run(seed, without, v, quiet); again != nil {
				steps, err, shorter = without, again, true
			} else {
				from += size
			}
		}
		if !shorter || size > 1 {
			size /= 2
		}
	}
	return steps, err
}

// keptSeed is a line of the file: "SEED", "SEED PEOPLE", and " folds" behind them.
type keptSeed struct {
	seed uint64
	variant
}

func keptSeeds(t *testing.T) []keptSeed {
	t.Helper()
	data, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	var list []keptSeed
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		text, folds := strings.CutSuffix(text, " folds")
		text, who, _ := strings.Cut(text, " ")
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, keptSeed{seed, variant{people(who), folds}})
	}
	return list
}

func keep(t *testing.T, k keptSeed) {
	t.Helper()
	if slices.Contains(keptSeeds(t), k) {
		return
	}
	file, err := os.OpenFile(kept, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	line := strings.TrimSpace(strconv.FormatUint(k.seed, 10) + " " + string(k.people))
	if k.folds {
		line += " folds"
	}
	if _, err := fmt.Fprintln(file, line); err != nil {
		t.Fatal(err)
	}
}
