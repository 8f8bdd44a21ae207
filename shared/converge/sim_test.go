package converge_test

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/list"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// sim is one run. Each step draws from a source of its own, so that steps can be
// left out and the others still do much the same.
type sim struct {
	seed    uint64
	server  *server
	clients []*client
	gone    []*client // whose engines were lost
	ops     map[record.ClientID]*client
	referee *referee
	nonces  *rand.Rand
	variant
	wild   bool // whole collections are wiped
	born   int
	items  int
	made   int
	reruns int
	whole  int // runs that were found whole

	runs         runs
	revived      map[rune]bool  // put back by an undo
	itemRuns     map[string]int // items by run
	listRuns     [][]string
	touchedItems map[string]bool
	logf         func(format string, args ...any)
}

// people is who the clients are.
type people string

const (
	anybody people = ""
	typists people = "typists" // do nothing but to type, and to delete
	undoers people = "undoers" // do much at once and take most of it back
)

// variant is a kind of runs.
type variant struct {
	people people
	folds  bool // the server folds what a client lacks, and connections are cut more often
}

// failure is what a run panics with if something is wrong.
type failure string

func failf(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

func must(err error) {
	if err != nil {
		failf("%v", err)
	}
}

func mustParse(patch []byte) delta.Delta {
	d, err := delta.Parse(patch)
	must(err)
	return d
}

func canonical(json []byte) []byte { return jsontext.AppendCanonical(nil, json) }

func number(d *doc.Doc, p delta.Pointer) int64 {
	n, err := strconv.ParseInt(d.Value(p).Raw(), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (s *sim) newID() string {
	s.items++
	return "i" + strconv.Itoa(s.items)
}

// stepsOf is the steps of a run. Under the race detector there are fewer.
func stepsOf(seed uint64, v variant) []int {
	steps := make([]int, 120+int(seed%121))
	if v.folds { // there has to be something to fold
		steps = make([]int, 2*len(steps))
	}
	if underRace {
		steps = steps[:len(steps)/2]
	}
	for i := range steps {
		steps[i] = i
	}
	return steps
}

// run does the steps of a seed and returns what went wrong.
func run(seed uint64, steps []int, v variant, logf func(string, ...any)) (s *sim, err error) {
	setup := rand.New(rand.NewPCG(seed, 1<<40))
	s = &sim{
		seed: seed, variant: v, server: newServer(), ops: make(map[record.ClientID]*client), nonces: rand.New(rand.NewPCG(seed, 2<<40)),
		wild: v.people != typists && setup.IntN(4) == 0, itemRuns: make(map[string]int), touchedItems: make(map[string]bool), revived: make(map[rune]bool), logf: logf,
		runs: runs{typed: make(map[int][]rune), touched: make(map[int]bool), anew: make(map[rune]bool)},
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			err = fmt.Errorf("%s", string(r))
		default:
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	s.server.folding = v.folds
	s.referee = newReferee(s)
	most := 3 + setup.IntN(1+setup.IntN(6))
	if v.people == typists {
		most = 2 + setup.IntN(4)
	}
	for range most {
		s.clients = append(s.clients, s.newClient())
	}
	for _, i := range steps {
		s.step(i)
	}
	s.logf("rest")
	s.rest()
	s.verify(true)
	return s, nil
}

// step does one thing.
func (s *sim) step(i int) {
	random := rand.New(rand.NewPCG(s.seed, uint64(i)))
	s.server.random = random
	at := random.IntN(len(s.clients))
	c := s.clients[at]
	switch n := random.IntN(1000); {
	case s.folds && n < 60:
		s.cut(c)
	case n < 380:
		for range 1 + random.IntN(2) {
			if s.people == typists {
				c.typist(random)
			} else {
				c.act(random)
			}
		}
	case n < 400:
		s.cut(c)
	case n < 403:
		for _, c := range s.clients {
			s.cut(c)
		}
		s.server.crash()
	case n < 410:
		s.cut(c)
		s.gone = append(s.gone, c)
		for _, o := range c.ops {
			o.dead = o.dead || !o.over
		}
		s.clients[at] = s.newClient()
	case n < 413:
		s.rest()
		s.verify(true)
	case n < 425:
		if !c.engine.Tick() {
			s.cut(c)
		}
	case n < 435:
		c.checkAll()
	case n < 440:
		if !s.folds {
			s.server.forget()
		}
	case c.conn == nil:
		if !s.folds || random.IntN(3) == 0 { // else it is away for longer
			s.dial(c)
		}
	case n < 600:
		for range 1 + random.IntN(4) {
			if len(c.conn.up) > 0 {
				s.server.receive(c.conn)
			}
		}
	case n < 800:
		for range 1 + random.IntN(8) {
			if c.conn != nil && len(c.conn.down) > 0 {
				s.receive(c)
			}
		}
	case n < 900:
		s.server.flush()
	default:
		s.server.land()
	}
	for _, c := range s.clients {
		c.send()
	}
}

func (s *sim) dial(c *client) {
	c.conn = &conn{}
	s.server.conns = append(s.server.conns, c.conn)
	c.engine.Connected()
}

func (s *sim) receive(c *client) {
	c.receive()
	if id := c.engine.Client(); !id.IsZero() {
		s.ops[id] = c
	}
	c.send()
}

// cut ends a connection. What is on its way is lost, but for what the server has
// already taken.
func (s *sim) cut(c *client) {
	if c.conn == nil {
		return
	}
	c.engine.Disconnected()
	s.server.conns = slices.DeleteFunc(s.server.conns, func(o *conn) bool { return o == c.conn })
	c.conn.open = false
	c.conn = nil
}

// rest lets everything arrive.
func (s *sim) rest() {
	s.server.random = rand.New(rand.NewPCG(s.seed, 3<<40))
	for round := 0; ; round++ {
		if round == 10_000 {
			failf("the clients do not come to rest")
		}
		busy := s.server.flight != nil || len(s.server.queue) > 0
		s.server.flush()
		s.server.land()
		for _, c := range s.clients {
			if c.conn == nil {
				s.dial(c)
			}
			c.send()
			for len(c.conn.up) > 0 {
				s.server.receive(c.conn)
				busy = true
			}
			for len(c.conn.down) > 0 {
				s.receive(c)
				busy = true
			}
			if !c.doc.Live() {
				c.engine.Tick()
			}
			busy = busy || !c.doc.Live() || c.doc.Pending() > 0
			c.send()
		}
		if !busy {
			return
		}
	}
}

// verify looks at what is there when all is quiet.
func (s *sim) verify(restful bool) {
	s.referee.replay(s.server.log)
	want := string(s.referee.doc.Canonical())
	if got := string(s.server.doc.Canonical()); got != want {
		failf("the server has\n%s\nthe log says\n%s", got, want)
	}
	for _, c := range s.clients {
		if got := string(c.doc.View().Canonical()); got != want {
			failf("client %s has\n%s\nthe log says\n%s", c.tag, got, want)
		}
		c.checkAll()
		if c.doc.View().Checksum() != s.referee.doc.Checksum() {
			failf("client %s: another checksum", c.tag)
		}
	}
	for id, c := range s.ops {
		s.referee.settled(id, c, restful)
	}
	s.whole = s.runs.check(s.referee.texts[0].String(), s.referee.texts[1].String())
	s.whole += s.checkItems()
}

// touchAround notes that something is put before the item at an index.
func (s *sim) touchAround(l *list.Items, at int) {
	if at <= 0 || at >= l.Len() {
		return
	}
	left, _ := l.At(at - 1)
	right, _ := l.At(at)
	if run, ok := s.itemRuns[left]; ok {
		if other, ok := s.itemRuns[right]; ok && run == other {
			s.touchedItems[left] = true
		}
	}
}

func (s *sim) touchItem(l *list.Items, at int) {
	if at >= 0 && at < l.Len() {
		id, _ := l.At(at)
		s.touchedItems[id] = true
	}
}

// continueRun notes that an item was put behind the last one of its client.
func (s *sim) continueRun(id, last string, fresh bool) {
	run, ok := s.itemRuns[last]
	if fresh || !ok {
		run = len(s.listRuns)
		s.listRuns = append(s.listRuns, nil)
	}
	s.itemRuns[id] = run
	s.listRuns[run] = append(s.listRuns[run], id)
}

// checkItems looks for the runs of items that nobody has touched: what is there of
// them stands together, in order.
func (s *sim) checkItems() (whole int) {
	for _, run := range s.listRuns {
		if slices.ContainsFunc(run, func(id string) bool { return s.touchedItems[id] }) {
			continue
		}
		for _, l := range s.referee.lists {
			at := -1
			for _, id := range run {
				switch i := l.IndexOf(id); {
				case i < 0:
				case at >= 0 && i != at+1:
					failf("the items %v are torn apart in %s", run, itemsOf(l))
				default:
					if at >= 0 {
						whole++
					}
					at = i
				}
			}
		}
	}
	return whole
}
