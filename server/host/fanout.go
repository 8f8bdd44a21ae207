package host

import (
	"github.com/rivulet-sync/rivulet/server/payload"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// subscribers are those of a document, in no order. Each of them knows its place.
type subscribers struct{ list []*Handle }

func (s *subscribers) len() int { return len(s.list) }

func (s *subscribers) add(h *Handle) {
	s.list = append(s.list, h)
	h.place = len(s.list)
}

func (s *subscribers) remove(h *Handle) {
	if h.place == 0 {
		return
	}
	last := s.list[len(s.list)-1]
	s.list[h.place-1], last.place = last, h.place
	s.list[len(s.list)-1] = nil
	s.list = s.list[:len(s.list)-1]
	h.place = 0
}

// send sends the same bytes to all.
func (s *subscribers) send(frame []byte) {
	for _, h := range s.list {
		h.sub.Send(frame)
	}
}

// answers are what those who subscribe at the present head have in common, so that it is put
// together, and compressed, once for all of them.
type answers struct {
	snapshot *payload.Shared
	since    map[record.Revision]*payload.Shared // the records after it
	folds    map[record.Revision]*payload.Shared // what these amount to; nil: that is not sent
}

// maxAnswers bounds from how many revisions the records are kept together.
const maxAnswers = 16

// subscribe sends what the subscriber lacks, in the smallest of three forms, the checksum
// of where that leads to, and all records from now on.
func (h *Host) subscribe(handle *Handle, request uint32, at record.Position) {
	sub := handle.sub
	opened := wire.Opened{
		Request: request, Doc: h.number, At: at, Head: h.tail.Head.Revision,
		Last: h.clients[sub.Client()].Last, Deleted: h.deleted,
	}
	// All of it is one answer: behind one as large as all that may be queued there is no place
	// for another.
	answer := payload.Answer{Doc: h.number}
	missing, known := h.recent.from(at)
	size := 0
	for i := range missing {
		size += len(missing[i].frame)
	}
	folded := h.folded(at.Revision, missing, size)
	if folded == nil && known && size <= h.doc.Size()+1024 {
		answer.Before, answer.Shared = wire.Encode(&opened), h.together(at.Revision, missing, size)
	} else {
		if answer.Shared = folded; folded == nil {
			if h.answers.snapshot == nil {
				h.answers.snapshot = payload.NewShared(h.canonical())
			}
			answer.Shared = h.answers.snapshot
		}
		opened.At, opened.Snapshot, opened.Folded = h.tail.Head, answer.Shared.Data(), folded != nil
		answer.Before, answer.After = wire.AroundSnapshot(&opened)
	}
	answer.After = wire.Append(answer.After, h.checksum())
	sub.Answer(&answer)
	h.greet(sub)
	h.subs.add(handle)
	h.room.Enter()
}

// together returns the frames of records after a revision in one piece of a size.
func (h *Host) together(after record.Revision, missing []committed, size int) *payload.Shared {
	if shared := h.answers.since[after]; shared != nil {
		return shared
	}
	data := make([]byte, 0, size)
	for _, c := range missing {
		data = append(data, c.frame...)
	}
	shared := payload.NewShared(data)
	if size > 0 && len(h.answers.since) < maxAnswers {
		if h.answers.since == nil {
			h.answers.since = make(map[record.Revision]*payload.Shared)
		}
		h.answers.since[after] = shared
	}
	return shared
}
