package host_test

import (
	"fmt"
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// recorder is a subscriber that keeps every frame until the test takes it.
type recorder struct {
	id   record.ClientID
	wake chan struct{} // holds a token when there are frames

	mu     sync.Mutex
	frames []wire.Frame
}

func (w *world) client(n byte) *recorder {
	return &recorder{id: record.ClientID{5: 1, 6: n}, wake: make(chan struct{}, 1)}
}

func (r *recorder) Client() record.ClientID { return r.id }

func (r *recorder) Send(frame []byte) {
	f, rest, err := wire.Decode(frame)
	if err != nil || len(rest) > 0 {
		panic(fmt.Sprint("the host sent no frame: ", err))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frames = append(r.frames, f)
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// take returns the next frame that has come, nil if there is none.
func (r *recorder) take() wire.Frame {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.frames) == 0 {
		return nil
	}
	f := r.frames[0]
	r.frames = r.frames[1:]
	return f
}

// wait returns the next frame, nil if none comes.
func (r *recorder) wait() wire.Frame {
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	for {
		if f := r.take(); f != nil {
			return f
		}
		select {
		case <-r.wake:
		case <-timeout.C:
			return nil
		}
	}
}
