package webhook

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Retried is what has become of dead letters that were sent again.
type Retried struct {
	Delivered int
	// Left letters are dead still, those in Failed because they were not taken, the others
	// because of one of those before them of the same document.
	Left   int
	Failed []Letter // at most maxFailed, without bodies
}

// maxFailed is how many letters a Retried has at most.
const maxFailed = 100

// errNoBody is why a letter without its body cannot be sent again.
var errNoBody = errors.New("it was too large to be kept: read the document instead, and drop the letter")

// Retry sends the dead letters of the webhook again, once, each document's in order, and removes
// those that are taken. What is taken comes after later events of its document, which were not
// held up.
func (h *Hook) Retry(ctx context.Context) (Retried, error) {
	h.retrying.Lock()
	defer h.retrying.Unlock()
	var out Retried
	var all []Letter
	for l, err := range h.dead.All(ctx, h.cfg.Name) {
		if err != nil {
			return out, err
		}
		all = append(all, Letter{Doc: l.Doc, Revision: l.Revision, sequence: l.sequence})
	}
	slices.SortStableFunc(all, func(a, b Letter) int {
		return cmp.Or(a.Doc.Compare(b.Doc), cmp.Compare(a.Revision, b.Revision))
	})
	var stuck record.Key
	for i := range all {
		if all[i].Doc == stuck {
			out.Left++
			continue
		}
		l, there, err := h.dead.at(ctx, all[i].sequence)
		if err != nil {
			return out, err
		}
		if !there {
			continue
		}
		if err = errNoBody; l.Body != nil {
			err = h.post(ctx, message{id: l.ID, body: l.Body})
		}
		if ctx.Err() != nil {
			return out, context.Cause(ctx)
		}
		if err == nil {
			if err := h.dead.remove(ctx, l.sequence); err != nil {
				return out, err
			}
			out.Delivered++
			h.delivered.Add(1)
			continue
		}
		stuck = l.Doc
		out.Left++
		if l.Body, l.Reason = nil, err.Error(); len(out.Failed) < maxFailed {
			out.Failed = append(out.Failed, l)
		}
	}
	return out, nil
}
