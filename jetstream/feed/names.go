package feed

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Stored is a subscription as it is stored, whether it runs or not.
type Stored struct {
	Name, Space string
	Created     time.Time
	// Running is set if somebody delivers, or did until he was killed.
	Running bool
}

// List returns the subscriptions that are stored, by name.
func (f *Feed) List(ctx context.Context) ([]Stored, error) {
	info, err := f.stream.Info(ctx, jetstream.WithSubjectFilter(root+".*."+headerToken))
	if err != nil {
		return nil, fmt.Errorf("feed: list: %w", err)
	}
	var list []Stored
	for subject := range info.State.Subjects {
		name := strings.TrimSuffix(strings.TrimPrefix(subject, root+"."), "."+headerToken)
		l := &ledger{js: f.cfg.JetStream, name: name, last: map[string]uint64{}}
		var h header
		if known, err := l.load(ctx, f.stream, headerToken, &h); err != nil {
			return nil, err
		} else if known { // and not removed meanwhile
			list = append(list, Stored{Name: name, Space: h.Space, Created: h.Created, Running: h.Owner != ""})
		}
	}
	slices.SortFunc(list, func(a, b Stored) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// Remove forgets a subscription. If it runs it ends with ErrTaken when it next saves how far it
// has come. One that is not there is removed as well.
func (f *Feed) Remove(ctx context.Context, name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("feed: %.80q is no name of a subscription", name)
	}
	if err := f.stream.Purge(ctx, jetstream.WithPurgeSubject(root+"."+name+".>")); err != nil {
		return fmt.Errorf("feed: remove %s: %w", name, err)
	}
	return nil
}
