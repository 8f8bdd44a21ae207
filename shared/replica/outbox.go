package replica

import "github.com/rivulet-sync/rivulet/shared/wire"

// outbox collects encoded frames and joins them into messages.
type outbox struct{ frames [][]byte }

func (o *outbox) add(f wire.Frame) { o.frames = append(o.frames, wire.Encode(f)) }

func (o *outbox) clear() { o.frames = nil }

// take returns as many frames as fit into one message of at most limit bytes,
// but at least one; nil when there are none.
func (o *outbox) take(limit int) []byte {
	if len(o.frames) == 0 {
		return nil
	}
	message := o.frames[0]
	n := 1
	for ; n < len(o.frames) && len(message)+len(o.frames[n]) <= limit; n++ {
		message = append(message, o.frames[n]...)
	}
	if o.frames = o.frames[n:]; len(o.frames) == 0 {
		o.frames = nil
	}
	return message
}
