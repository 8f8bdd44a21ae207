package replica_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

var simSeed = flag.Int64("replica.seed", -1, "run only this seed of the simulation")

// TestL3_L4_L8_Simulation lets several clients edit one document over
// connections that break, losing what is on its way, with a server that
// restarts. They leave the document, too, and open it again. In the end all are equal, every edit that was acknowledged is in the
// log once and no edit twice, counters count, and money is neither made nor lost.
// Checksums come all the time, and none differs. A third of the edits are named, so the
// server runs them where they conflict.
func TestL3_L4_L8_Simulation(t *testing.T) {
	simulate(t, 300, func(s *sim) { s.run() })
}

// TestL4_SimulationWithFaults is the same with replicas that lose their way: in
// each, once, what is confirmed changes for no reason. They are equal in the end
// all the same, and their edits have not suffered.
func TestL4_SimulationWithFaults(t *testing.T) {
	var noticed uint64
	simulate(t, 40, func(s *sim) {
		s.faulty = true
		s.run()
		for _, c := range s.clients {
			noticed += c.engine.Diverged()
		}
	})
	if t.Logf("%d faults were noticed", noticed); noticed == 0 {
		t.Error("no fault was noticed: this simulates nothing")
	}
}

func simulate(t *testing.T, n int, run func(*sim)) {
	seeds := make([]int64, n)
	for i := range seeds {
		seeds[i] = int64(i)
	}
	if *simSeed >= 0 {
		seeds = []int64{*simSeed}
	}
	for _, seed := range seeds {
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { run(newSim(t, seed)) }) {
			t.Fatalf("run it again with -replica.seed %d", seed)
		}
	}
}

type sim struct {
	t       *testing.T
	random  *rand.Rand
	server  *simServer
	clients []*simClient
	faulty  bool // replicas lose their way
}

type simClient struct {
	*mirror
	engine *replica.Engine
	conn   *simConn // nil: not connected
	name   string
	tag    uint64
	made   []uint64 // tags
	reruns int
	faults uint64
}

const accounts, deposit, stock = 4, 10, 8

func newSim(t *testing.T, seed int64) *sim {
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	s := &sim{t: t, random: random, server: &simServer{t: t, random: random, number: 1}}
	for i := range 3 + random.IntN(4) {
		c := &simClient{mirror: newMirror(t), name: strconv.Itoa(i)}
		c.engine = replica.New(replica.Config{Random: random.Uint64})
		c.doc = c.engine.Open(board, c.mirror)
		s.clients = append(s.clients, c)
	}
	return s
}

func (s *sim) run() {
	for range 500 {
		s.step(true)
	}
	for _, c := range s.clients {
		if c.faults > 0 {
			s.cut(c) // a resume is compared at its end
		}
	}
	for steps := 0; !s.quiet(); steps++ {
		if steps == 200_000 {
			s.t.Fatal("the clients do not come to rest")
		}
		s.step(false)
	}
	s.verify()
}

// step does one thing. Only if chaos is set are there new edits and accidents.
func (s *sim) step(chaos bool) {
	c := s.clients[s.random.IntN(len(s.clients))]
	if chaos && s.faulty && c.faults == 0 && c.doc.Live() && s.random.IntN(20) == 0 {
		c.faults++
		c.doc.Corrupt(parseDelta(s.t, `{"fault":{"of":"memory"}}`))
	}
	switch n := s.random.IntN(100); {
	case n < 10 && chaos:
		c.transact(s.random)
	case n < 13 && chaos:
		s.cut(c)
	case n < 14 && chaos && s.random.IntN(3) == 0:
		s.server.restart()
		for _, c := range s.clients {
			s.cut(c)
		}
	case n == 14 && chaos && s.random.IntN(3) == 0:
		c.reopen()
	case c.conn == nil:
		if !chaos || s.random.IntN(4) == 0 {
			c.conn = &simConn{}
			s.server.conns = append(s.server.conns, c.conn)
			c.engine.Connected()
		}
	case n < 45:
		if len(c.conn.up) > 0 {
			s.server.receive(c.conn)
		}
	case n < 80:
		if len(c.conn.down) > 0 {
			message := c.conn.down[0]
			c.conn.down = c.conn.down[1:]
			if err := c.engine.Receive(message); err != nil {
				s.t.Fatal(err)
			}
		}
	case n < 97:
		if len(s.server.queue) > 0 {
			s.server.commit(false)
		}
	default:
		if !c.engine.Tick() {
			s.cut(c)
		}
	}
	if c.conn != nil {
		for message := c.engine.TakeOutput(); message != nil; message = c.engine.TakeOutput() {
			c.conn.up = append(c.conn.up, message)
		}
	}
}

// cut ends a connection. What is on its way is lost, but for what the server
// has already taken.
func (s *sim) cut(c *simClient) {
	if c.conn == nil {
		return
	}
	c.engine.Disconnected()
	if i := slices.Index(s.server.conns, c.conn); i >= 0 {
		s.server.conns = slices.Delete(s.server.conns, i, i+1)
	}
	c.conn.open = false
	c.conn = nil
}

// reopen leaves the document and opens it anew, while its edits may be anywhere.
func (c *simClient) reopen() {
	settled := c.settled
	c.doc.Leave()
	c.mirror = newMirror(c.t)
	c.settled = settled
	c.doc = c.engine.Open(board, c.mirror)
}

func (s *sim) quiet() bool {
	for _, c := range s.clients {
		if c.conn == nil || !c.doc.Live() || c.doc.Pending() > 0 || len(c.conn.up)+len(c.conn.down) > 0 {
			return false
		}
	}
	return len(s.server.queue) == 0
}

// transact makes an edit of a random kind. Each leaves a mark with its kind and
// its tag, by which it is found in the log, and how often it ran, so that no two
// attempts at it are the same.
func (c *simClient) transact(random *rand.Rand) {
	c.tag++
	kind, seed := []string{"count", "pay", "card"}[random.IntN(3)], random.Uint64()
	if random.IntN(3) == 0 {
		if random.IntN(3) == 0 {
			kind = "take"
		}
		c.invoke(namedEdit{Client: c.name, Kind: kind, Tag: c.tag, Seed: seed})
		return
	}
	gives := random.IntN(15) == 0
	runs, tag := 0, c.tag
	fn := func(tx *doc.Tx) error {
		if runs++; runs > 1 {
			c.reruns++
			if gives {
				return errUnwanted
			}
		}
		if err := body(tx, c.name, kind, rand.New(rand.NewPCG(seed, 0))); err != nil {
			return err
		}
		return tx.Set(delta.PointerOf("mark-"+c.name), fmt.Appendf(nil, `"%s %d %d"`, kind, tag, runs))
	}
	mutate := c.mutate
	if random.IntN(12) == 0 {
		mutate = c.mutateOnce
	}
	change, err := mutate(tag, fn)
	c.noteMade(tag, change, err)
}

func (c *simClient) noteMade(tag uint64, change doc.Change, err error) {
	c.check()
	switch {
	case err == nil && !change.Empty():
		c.made = append(c.made, tag)
	case err != nil && !errors.Is(err, replica.ErrNotReady) && !errors.Is(err, errUnwanted):
		c.t.Fatal(err)
	}
}

// namedEdit is the arguments of an edit that the server can make as well.
type namedEdit struct {
	Client, Kind string
	Tag, Seed    uint64
}

// run is its function.
func (e namedEdit) run(tx *doc.Tx) error {
	if err := body(tx, e.Client, e.Kind, rand.New(rand.NewPCG(e.Seed, 0))); err != nil {
		return err
	}
	return tx.Set(delta.PointerOf("mark-"+e.Client), fmt.Appendf(nil, `"%s %d named"`, e.Kind, e.Tag))
}

func (c *simClient) invoke(e namedEdit) {
	args, err := json.Marshal(e)
	if err != nil {
		c.t.Fatal(err)
	}
	change, err := c.doc.Invoke(e.Tag, "edit", args, func(view *doc.Doc) (doc.Change, error) { return view.Update(e.run) })
	c.noteMade(e.Tag, change, err)
}

// body reads and writes.
func body(tx *doc.Tx, client, kind string, random *rand.Rand) error {
	switch kind {
	case "count":
		if err := increment(tx, "/total"); err != nil {
			return err
		}
		return increment(tx, delta.PointerOf("own-"+client))
	case "take":
		// The last one can be sold once.
		left, found := tx.Get("/stock")
		switch {
		case !found:
			return tx.Set("/stock", strconv.AppendInt(nil, stock-1, 10))
		case string(left) == "0":
			return errUnwanted
		}
		n, err := strconv.Atoi(string(left))
		if err != nil {
			return err
		}
		return tx.Set("/stock", strconv.AppendInt(nil, int64(n-1), 10))
	case "pay":
		if !tx.IsObject("/bank") {
			bank := make(map[string]int)
			for i := range accounts {
				bank[strconv.Itoa(i)] = deposit
			}
			return tx.Set("/bank", []byte(plain(bank)))
		}
		from, to := delta.PointerOf("bank", strconv.Itoa(random.IntN(accounts))), delta.PointerOf("bank", strconv.Itoa(random.IntN(accounts)))
		balance, found := tx.Get(from)
		switch {
		case !found:
			// A pending payment stays visible on a snapshot that has no bank yet.
			return errUnwanted
		case string(balance) == "0" || from == to:
			return nil // the mark alone changes
		}
		n, err := strconv.Atoi(string(balance))
		if err != nil {
			return err
		}
		if err := tx.Set(from, strconv.AppendInt(nil, int64(n-1), 10)); err != nil {
			return err
		}
		return increment(tx, to)
	}
	// A board: make it, take one of its cards off, put one on, or clear it.
	cards := tx.Members("/cards")
	switch n := random.IntN(10); {
	case !tx.IsObject("/cards"):
		return tx.Set("/cards", []byte(`{}`))
	case n < 3 && len(cards) > 0:
		return tx.Delete(delta.PointerOf("cards", cards[random.IntN(len(cards))]))
	case n == 3:
		return tx.Delete("/cards")
	case n < 6 && len(cards) > 0:
		return tx.Set(delta.PointerOf("cards", cards[random.IntN(len(cards))], "title"), fmt.Appendf(nil, "%d", n))
	}
	return tx.Set(delta.PointerOf("cards", fmt.Sprint(random.IntN(20))), []byte(`{"title":"new"}`))
}

// verify looks at what is left when all is quiet.
func (s *sim) verify() {
	var replayed any = map[string]any{}
	kinds := map[string]int{}
	inLog := map[string]int{} // how often each mark is in the log
	for _, r := range s.server.log {
		for _, m := range r.rec.Mutations {
			patch := decode(s.t, m.Delta)
			replayed = mergePatch(replayed, patch)
			for name, value := range patch.(map[string]any) {
				if who, ok := strings.CutPrefix(name, "mark-"); ok {
					mark := strings.Fields(value.(string))
					kinds[mark[0]]++
					kinds[mark[0]+who]++
					inLog[who+" "+mark[1]]++
				}
			}
		}
	}
	acknowledged, reruns := 0, 0
	for _, c := range s.clients {
		if got, want := plain(decode(s.t, c.doc.View().Canonical())), plain(replayed); got != want {
			s.t.Errorf("client %s has %s\nthe log has %s", c.name, got, want)
		}
		reruns += c.reruns
		if n := c.engine.Diverged(); n > c.faults {
			s.t.Errorf("client %s: %d checksums differed after %d faults", c.name, n, c.faults)
		}
		for _, tag := range c.made {
			var rejected *replica.RejectedError
			outcome, over := c.settled[tag]
			n := inLog[c.name+" "+strconv.FormatUint(tag, 10)]
			switch {
			case !over:
				s.t.Errorf("client %s: edit %d is not settled", c.name, tag)
			case outcome.Err == nil && n != 1:
				s.t.Errorf("client %s: edit %d was acknowledged and is in the log %d times", c.name, tag, n)
			case n > 1:
				s.t.Errorf("client %s: edit %d is in the log %d times", c.name, tag, n)
			case errors.As(outcome.Err, &rejected) && rejected.Code == wire.CodeUnknownMutation:
				s.t.Errorf("client %s has lost track of edit %d", c.name, tag)
			}
			if outcome.Err == nil {
				acknowledged++
			}
		}
	}
	s.verifyCounts(replayed, kinds)
	if acknowledged == 0 && *simSeed < 0 {
		s.t.Error("nothing was acknowledged: this simulates nothing")
	}
	s.t.Logf("%d clients, %d records, %d acknowledged, %d second runs, %d rewritten by the server, %d refused by it, %d times folded",
		len(s.clients), len(s.server.log), acknowledged, reruns, s.server.rewritten, s.server.refused, s.server.folds)
}

func (s *sim) verifyCounts(state any, kinds map[string]int) {
	s.t.Helper()
	number := func(v any) int {
		n, ok := v.(json.Number)
		if !ok {
			return 0
		}
		i, err := strconv.Atoi(string(n))
		if err != nil {
			s.t.Error(err)
		}
		return i
	}
	object := state.(map[string]any)
	if got := number(object["total"]); got != kinds["count"] {
		s.t.Errorf("the total is %d after %d increments", got, kinds["count"])
	}
	if taken := kinds["take"]; taken > stock || taken > 0 && number(object["stock"]) != stock-taken {
		s.t.Errorf("%v of %d are left after %d were taken", object["stock"], stock, taken)
	}
	for _, c := range s.clients {
		if got := number(object["own-"+c.name]); got != kinds["count"+c.name] {
			s.t.Errorf("client %s counted to %d with %d increments", c.name, got, kinds["count"+c.name])
		}
	}
	if bank, ok := object["bank"].(map[string]any); ok {
		sum := 0
		for _, balance := range bank {
			if number(balance) < 0 {
				s.t.Errorf("an account is at %v", balance)
			}
			sum += number(balance)
		}
		if sum != accounts*deposit {
			s.t.Errorf("the accounts have %d, want %d", sum, accounts*deposit)
		}
	}
}
