package inbox

import (
	"errors"
	"fmt"
	"regexp"
)

// importHeader has the name of the import that has stored an event.
const importHeader = "Rivulet-Import"

// maxImports is how many imports are remembered: those that came first are forgotten.
const maxImports = 1_000

// ErrName says that a text is no name of an import.
var ErrName = errors.New("inbox: the name of an import has up to 64 letters, digits, hyphens and underscores")

var validImport = regexp.MustCompile(`^[A-Za-z0-9_-]{0,64}$`)

func checkImport(name string) error {
	if !validImport.MatchString(name) {
		return fmt.Errorf("%w, not %.80q", ErrName, name)
	}
	return nil
}

// Outcome is what has become of the events of an import.
type Outcome struct {
	// Applied and Parked are those that this process has applied and parked, or has found in
	// the log when the ledger did not have them. The other ones are known or wait.
	Applied uint64 `json:"applied"`
	Parked  uint64 `json:"parked"`
}

// imports counts by the name of the import; Inbox.mu is its lock.
type imports struct {
	counts map[string]*Outcome
	names  []string // in the order in which they came
}

// of returns the counts of an import, to be changed.
func (i *imports) of(name string) *Outcome {
	if known := i.counts[name]; known != nil {
		return known
	}
	if i.counts == nil {
		i.counts = map[string]*Outcome{}
	}
	if len(i.names) == maxImports {
		delete(i.counts, i.names[0])
		i.names = i.names[1:]
	}
	i.names = append(i.names, name)
	i.counts[name] = &Outcome{}
	return i.counts[name]
}

// settled is an event that was applied or parked.
type settled struct {
	event   *Event
	applied bool
}

// counted counts events when the ledger has them: before that they may be settled again, and
// found in the log.
func (b *Inbox) counted(events []settled) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range events {
		one, all := &Outcome{}, &b.count.parked // of no import
		if s.event.by != "" {
			one = b.imports.of(s.event.by)
		}
		if s.applied {
			all = &b.count.applied
			one.Applied++
		} else {
			one.Parked++
		}
		all.Add(1)
	}
}

// Outcome returns what this process has made of the events that were put under a name.
func (b *Inbox) Outcome(name string) Outcome {
	b.mu.Lock()
	defer b.mu.Unlock()
	if known := b.imports.counts[name]; known != nil {
		return *known
	}
	return Outcome{}
}
