package load

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// trouble is clients that make some, beside those that are measured.
type trouble struct {
	sent atomic.Uint64 // messages of the hostile
	wg   sync.WaitGroup
}

// stuck opens the documents on n connections that never read what comes.
func (r *run) stuck(ctx context.Context, n int, key func(int) record.Key) (*crowd, error) {
	return gather(ctx, r.cfg.Server, n, func(i int) record.Key { return key(i % r.cfg.Documents * r.cfg.Subscribers) }, func(string, int, int) {})
}

// hostile keeps n connections sending frames that are damaged until ctx ends. Whenever the
// server has enough of one another takes its place.
func (t *trouble) hostile(ctx context.Context, cfg Config, n int, key func(int) record.Key) {
	for i := range n {
		t.wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for ctx.Err() == nil {
				c, err := dial(ctx, cfg.Server, key(i%cfg.Documents*cfg.Subscribers))
				if err != nil {
					continue // the server is as busy as it may be
				}
				t.attack(ctx, c, random)
				c.ws.CloseNow() //nolint:errcheck // the server has closed it
			}
		})
	}
}

// hostileEvery is how often each hostile connection sends a message: the more there are, the
// more comes. Without a bound the generator would measure itself.
const hostileEvery = time.Millisecond

// attack sends damaged frames until the server ends the connection.
func (t *trouble) attack(ctx context.Context, c *conn, random *rand.Rand) {
	go func() {
		for c.read(ctx) == nil { //nolint:revive // it is not looked at
		}
	}()
	tick := time.NewTicker(hostileEvery)
	defer tick.Stop()
	for number := uint64(1); ctx.Err() == nil; number++ {
		<-tick.C
		var message []byte
		for range 1 + random.IntN(4) {
			message = wire.Append(message, some(c, random, number))
		}
		if random.IntN(20) == 0 { // as a rule it is the content that is wrong, not the frame
			damage(message, random)
		}
		if c.ws.Write(ctx, websocket.MessageBinary, message) != nil {
			return
		}
		t.sent.Add(1)
	}
}

// some returns a frame that a client might send, and as a rule may not.
func some(c *conn, random *rand.Rand, number uint64) wire.Frame {
	id := record.MutationID{Number: number, Nonce: random.Uint64()}
	text := []byte(`{"a":{"b":[1,2,{"c":"` + string(rune(random.IntN(0x2000))) + `"}]}}`)
	damage(text, random)
	switch random.IntN(8) {
	case 0:
		return &wire.Push{Doc: c.doc, ID: id, Follows: record.MutationID{Number: 7}, Delta: []byte(`{}`)} // follows nothing
	case 1:
		return &wire.Push{Doc: c.doc + random.Uint32N(3), ID: id, Delta: text}
	case 2:
		return &wire.Invoke{Doc: c.doc, ID: id, Name: "none", Args: text}
	case 3:
		return &wire.Transact{Request: uint32(number), ID: id, Parts: []wire.Part{{Doc: c.doc + 1, Delta: text}}}
	case 4:
		return &wire.ReadLog{Request: uint32(number), Key: "bench/none", After: record.Revision(random.Uint32())}
	case 5:
		return &wire.Open{Request: uint32(number), Key: string(text)}
	case 6:
		return &wire.Leave{Key: string(text)}
	default:
		return &wire.Push{Doc: c.doc, ID: id, Base: record.Revision(random.Uint32()), Delta: []byte(`{"x":1}`),
			Reads: []delta.Read{{Kind: delta.ReadValue, Path: "/a"}}, Follows: record.MutationID{Number: number}}
	}
}

// damage changes some bytes.
func damage(data []byte, random *rand.Rand) {
	for range 1 + random.IntN(3) {
		data[random.IntN(len(data))] = byte(random.Uint32())
	}
}
