package chaos_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/inbox"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/server/httpapi"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// imported is an event of the archive.
type imported struct {
	key             record.Key
	id, prev, delta string
	block           int
	missing         bool // it is put at the very end only
}

func (e imported) line() string {
	return fmt.Sprintf(`{"id":%q,"doc":%q,"prev":%q,"delta":%s}`, e.id, e.key, e.prev, e.delta)
}

const (
	importSpace = "archive"
	// importDocs is how many documents there are for each kill, importEach how many events of one.
	importDocs = 15
	importEach = 40
	// importBlock is how far apart what follows each other may be in the archive.
	importBlock = 10
	// maxImported is after how many records the server is killed at the latest: each part of
	// the archive has more.
	maxImported = 30
)

// newArchive returns chains of events, in no order within a block of each chain. Of every third
// document an event is missing; of every third other one each seventh event has a rival which
// writes the same, and is followed by another one: one of the two has to be parked, with all
// that follows it.
func newArchive(docs int, shuffle func(n int, swap func(i, j int))) (all []imported) {
	for n := range docs {
		key, prev := record.Key{Space: importSpace, ID: fmt.Sprint("d", n)}, ""
		for i := range importEach {
			e := imported{key: key, id: fmt.Sprint("e", i), prev: prev, delta: fmt.Sprintf(`{"m%d":"e%d"}`, i, i), block: i / importBlock}
			e.missing = n%3 == 0 && i == 5+n%30
			all = append(all, e)
			if n%3 == 1 && i%7 == 3 {
				rival := imported{key: key, id: fmt.Sprint("f", i), prev: prev, delta: fmt.Sprintf(`{"m%d":"f%d"}`, i, i), block: e.block}
				all = append(all, rival, imported{key: key, id: fmt.Sprint("g", i), prev: rival.id, delta: fmt.Sprintf(`{"n%d":"g%d"}`, i, i), block: e.block})
			}
			prev = e.id
		}
	}
	shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	slices.SortStableFunc(all, func(a, b imported) int { return cmp.Compare(a.block, b.block) })
	return all
}

// TestL3_InboxKilledInALoop: the server, with NATS inside, is killed while an archive is being
// put in order, and the import is begun again. In the end every event is in the log once, after
// its predecessor, or is parked, or waits for one that is missing; what was parked stays so.
func TestL3_InboxKilledInALoop(t *testing.T) {
	s := newScene(t)
	s.node("node", role{Data: t.TempDir()})
	docs := importDocs * s.rounds()
	archive := newArchive(docs, s.rand.Shuffle)
	var lines []string
	for _, e := range archive {
		if !e.missing {
			lines = append(lines, e.line())
		}
	}
	parked := map[string]inbox.Reason{}
	cursor, inTheMiddle := "", 0
	for round := range s.rounds() {
		for n := range docs { // others write there, too
			s.patch(record.Key{Space: importSpace, ID: fmt.Sprint("d", n)}, fmt.Sprintf(`{"live":%d}`, round))
		}
		some := lines[:len(lines)*(round+1)/s.rounds()]
		committed := s.rand.IntN(maxImported)
		stored := make(chan error, 1)
		url := s.urls()[0]
		go func() {
			_, err := postEvents(url, some)
			stored <- err
		}()
		cursor = s.follow(cursor, docs+committed)
		s.nodes[0].kill()
		err := <-stored
		s.nodes[0].start()
		t.Logf("round %d: killed after %d records; of the archive until %d, stored: %v", round, committed, len(some), err == nil)
		gaps := s.gaps()
		if err != nil || gaps.Lag > 0 {
			inTheMiddle++
		}
		for _, p := range gaps.Events {
			parked[p.Key.String()+" "+p.ID] = p.Reason
		}
	}
	if inTheMiddle == 0 {
		t.Error("it was never killed while it was at it")
	}
	s.nodes[0].kill()
	s.nodes[0].sound()
	dir := s.nodes[0].role.Data
	s.putAll(dir, lines)
	s.judge(dir, archive, parked)
	for i := range archive {
		if archive[i].missing {
			archive[i].missing = false
			lines = append(lines, archive[i].line())
		}
	}
	s.putAll(dir, lines)
	s.judge(dir, archive, parked)
}

func (s *scene) patch(key record.Key, delta string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPatch, s.urls()[0]+"/v1/docs/"+key.String(), strings.NewReader(delta))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/merge-patch+json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		s.t.Fatalf("%s: %s", key, answer.Status)
	}
}

// postEvents returns when all are stored, or some cannot be.
func postEvents(url string, lines []string) (httpapi.Put, error) {
	var put httpapi.Put
	answer, err := http.Post(url+"/v1/inbox", "application/x-ndjson", strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		return put, err
	}
	defer answer.Body.Close()
	err = json.NewDecoder(answer.Body).Decode(&put)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, put.Error)
	}
	return put, err
}

func (s *scene) gaps() (gaps httpapi.Gaps) {
	s.t.Helper()
	answer, err := http.Get(s.urls()[0] + "/v1/gaps?limit=10000")
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&gaps); err != nil {
		s.t.Fatal(err)
	}
	return gaps
}

// follow reads the feed of the archive's space from a cursor until so many records were
// committed, and returns the cursor then.
func (s *scene) follow(cursor string, records int) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.urls()[0]+"/v1/feed?space="+importSpace+"&cursor="+cursor, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	for in := bufio.NewScanner(answer.Body); records > 0 && in.Scan(); {
		if id, is := strings.CutPrefix(in.Text(), "id: "); is {
			cursor = id
		}
		if strings.HasPrefix(in.Text(), "event: ") {
			records--
		}
	}
	if records > 0 {
		s.t.Fatalf("%d records are missing: %v", records, ctx.Err())
	}
	return cursor
}

// putAll puts the archive once more by a server that nobody kills, and waits until it is
// settled.
func (s *scene) putAll(dir string, lines []string) {
	s.t.Helper()
	srv, err := server.Start(s.t.Context(), server.Config{Addr: "127.0.0.1:0", Data: dir})
	if err != nil {
		s.t.Fatal(err)
	}
	defer srv.Close() //nolint:errcheck // what it has stored is looked at
	ctx, cancel := context.WithTimeout(s.t.Context(), within)
	defer cancel()
	receipt, err := srv.Put(ctx, "", strings.NewReader(strings.Join(lines, "\n")))
	if err == nil {
		err = srv.Settled(ctx, receipt.Until)
	}
	if err != nil {
		s.t.Fatalf("%v: %+v", err, srv.Inbox())
	}
}

// judge holds the log, and what is parked and waits, against what has to become of the events.
func (s *scene) judge(dir string, archive []imported, parkedBefore map[string]inbox.Reason) {
	s.t.Helper()
	srv, err := server.Start(s.t.Context(), server.Config{Addr: "127.0.0.1:0", Data: dir})
	if err != nil {
		s.t.Fatal(err)
	}
	list, err := srv.Parked(s.t.Context(), 10_000)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := srv.Settled(s.t.Context(), srv.Inbox().Positions); err != nil {
		s.t.Fatal(err)
	}
	waits := map[string]string{}
	for _, g := range srv.Gaps(10_000) {
		waits[g.Document] = g.Missing
	}
	if err := srv.Close(); err != nil {
		s.t.Fatal(err)
	}
	parked := map[string]inbox.Reason{}
	for _, p := range list {
		if _, twice := parked[p.Key.String()+" "+p.ID]; twice {
			s.t.Errorf("%s of %s is parked twice", p.ID, p.Key)
		}
		parked[p.Key.String()+" "+p.ID] = p.Reason
	}
	for name, reason := range parkedBefore {
		if parked[name] != reason {
			s.t.Errorf("%s was parked as %q, and is %q", name, reason, parked[name])
		}
	}
	maps.Copy(parkedBefore, parked)
	applied := s.readImported(dir, archive)
	held := 0
	for _, e := range archive {
		name := e.key.String() + " " + e.id
		at, isApplied := applied[name]
		prevAt, prevApplied := applied[e.key.String()+" "+e.prev]
		prevApplied = prevApplied || e.prev == ""
		reason, isParked := parked[name]
		_, prevParked := parked[e.key.String()+" "+e.prev]
		switch {
		case isApplied && isParked:
			s.t.Errorf("%s is applied and parked", name)
		case e.missing && (isApplied || isParked):
			s.t.Errorf("%s was never put", name)
		case isApplied && (!prevApplied || at < prevAt):
			s.t.Errorf("%s is in the log before %s", name, e.prev)
		case isParked && prevParked != (reason == inbox.Follows), isParked && !prevApplied && !prevParked, isParked && !prevParked && reason != inbox.Conflict:
			s.t.Errorf("%s is parked: %s", name, reason)
		case isApplied || isParked || e.missing:
		case prevApplied || prevParked:
			s.t.Errorf("%s is lost", name)
		default:
			held++
			missing := e.key.String() + " " + waits[e.key.String()]
			_, settled := applied[missing]
			if _, is := waits[e.key.String()]; !is || settled || parked[missing] != "" {
				s.t.Errorf("%s is held, and its document waits for %q", name, waits[e.key.String()])
			}
		}
	}
	s.t.Logf("%d events are in the log, %d are parked, %d are held", len(applied), len(parked), held)
}

// readImported returns where in its document each event of the archive is in the log. None is
// there twice.
func (s *scene) readImported(dir string, archive []imported) map[string]int {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), within)
	defer cancel()
	node, log := openLog(ctx, s.t, natsd.Config{Dir: dir})
	defer node.Close() //nolint:errcheck // it was only read
	byDelta, applied := map[string]string{}, map[string]int{}
	for _, e := range archive {
		byDelta[e.key.String()+" "+e.delta] = e.key.String() + " " + e.id
	}
	place := map[record.Key]int{}
	for stocked, err := range log.Stock(ctx, importSpace) {
		if err != nil {
			s.t.Fatal(err)
		}
		key := stocked.Key
		_, err = log.Replay(ctx, key, deltalog.Tail{}, func(e deltalog.Entry) error {
			for _, m := range e.Record.Mutations {
				if strings.HasPrefix(string(m.Delta), `{"live"`) {
					continue
				}
				name, is := byDelta[key.String()+" "+string(m.Delta)]
				if _, twice := applied[name]; !is || twice {
					return fmt.Errorf("%s is there twice, or was never put: %s", name, m.Delta)
				}
				applied[name] = place[key]
				place[key]++
			}
			return nil
		})
		if err != nil {
			s.t.Errorf("%s: %v", key, err)
		}
	}
	return applied
}
