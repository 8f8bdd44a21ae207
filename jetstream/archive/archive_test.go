package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rivulet-sync/rivulet/jetstream/archive"
	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newLog(t testing.TB) *deltalog.Log {
	t.Helper()
	node, err := natsd.Start(t.Context(), natsd.Config{Dir: t.TempDir(), Sync: natsd.Sync{Interval: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	log, err := deltalog.Open(t.Context(), deltalog.Config{Conn: node.Conn(), JetStream: node.JetStream()})
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// fill appends random records to some documents of space "demo".
func fill(t testing.TB, log *deltalog.Log, documents, records int) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	for d := range documents {
		key := record.Key{Space: "demo", ID: fmt.Sprintf("doc-%d", d)}
		tail := deltalog.Tail{Head: record.Position{Epoch: log.Epoch(key)}}
		for n := range 1 + random.IntN(records) {
			add(t, log, key, &tail, random, n)
		}
	}
}

func add(t testing.TB, log *deltalog.Log, key record.Key, tail *deltalog.Tail, random *rand.Rand, n int) {
	t.Helper()
	rec := record.Record{Epoch: tail.Head.Epoch, Prev: tail.Head.Revision, PrevChain: tail.Head.Chain, Time: int64(1000 * n)}
	for m := range 1 + random.IntN(3) {
		rec.Mutations = append(rec.Mutations, record.Mutation{
			Client: record.ClientID{byte(m + 1), 15: 7}, ID: record.MutationID{Number: uint64(n + 1), Nonce: random.Uint64()},
			// Lines within a delta are white space.
			Delta: fmt.Appendf(nil, "{\"n\":%d.50,\n \"text\":\"a<b>\u2028 & \\n\"}", n),
		})
	}
	data, err := rec.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if *tail, err = log.Append(t.Context(), key, *tail, data); err != nil {
		t.Fatal(err)
	}
}

func export(t testing.TB, log *deltalog.Log) string {
	t.Helper()
	var out bytes.Buffer
	if err := archive.Export(t.Context(), log, "demo", time.UnixMilli(0), &out, func(record.Key, int, int) {}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// load imports and returns what Progress was told.
func load(t testing.TB, log *deltalog.Log, text string) (string, error) {
	t.Helper()
	var told strings.Builder
	err := archive.Import(t.Context(), log, strings.NewReader(text), func(key record.Key, records, stored int) {
		fmt.Fprintf(&told, "%s %d %d;", key, records, stored)
	})
	return told.String(), err
}

// TestRoundTrip: what is imported is exported again as it was, byte for byte.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	from, to := newLog(t), newLog(t)
	fill(t, from, 5, 20)
	text := export(t, from)
	if _, err := load(t, to, text); err != nil {
		t.Fatal(err)
	}
	if again := export(t, to); again != text {
		t.Errorf("exported\n%s\nand after an import\n%s", text, again)
	}
	told, err := load(t, to, text)
	if err != nil || strings.Contains(strings.ReplaceAll(told, " 0;", ""), ";") {
		t.Errorf("a second import stored something: %s %v", told, err)
	}
}

// stated returns the content of a base for a document.
func stated(t testing.TB, key record.Key, at record.Position, document string) []byte {
	t.Helper()
	codec, err := snapshot.NewCodec(64 << 20)
	if err != nil {
		t.Fatal(err)
	}
	content, err := codec.Encode(key, &snapshot.Snapshot{
		At: at, Records: 1, Checksum: doc.Open([]byte(document)).Checksum(), Document: []byte(document),
		Clients: map[record.ClientID]snapshot.Client{{1}: {Last: record.MutationID{Number: 7, Nonce: 8}, Seen: 9}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestForgottenBeginnings: documents of which the log has forgotten the first records,
// or that were deleted, are moved, too.
func TestForgottenBeginnings(t *testing.T) {
	t.Parallel()
	from, to := newLog(t), newLog(t)
	fill(t, from, 3, 5)
	random := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 2<<20) // above the limit of a message
	for i := range noise {
		noise[i] = 'a' + byte(random.IntN(26))
	}
	for d, document := range []string{`{"small":1}`, `{"large":"` + string(noise) + `"}`} {
		key := record.Key{Space: "demo", ID: fmt.Sprintf("doc-%d", d)}
		tail, err := from.Replay(t.Context(), key, deltalog.Tail{}, func(deltalog.Entry) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if tail, err = from.AppendBase(t.Context(), key, tail, deltalog.Base{Time: 5, Content: stated(t, key, tail.Head, document)}); err != nil {
			t.Fatal(err)
		}
		if _, err := from.Erase(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		add(t, from, key, &tail, random, 100)
		remove(t, from, key, &tail)
		add(t, from, key, &tail, random, 101)
	}
	gone := record.Key{Space: "demo", ID: "doc-2"}
	tail, err := from.Replay(t.Context(), gone, deltalog.Tail{}, func(deltalog.Entry) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	remove(t, from, gone, &tail)
	if tail, err = from.AppendBase(t.Context(), gone, tail, deltalog.Base{Time: 5, Deleted: tail.Head.Revision, Content: stated(t, gone, tail.Head, `{}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := from.Erase(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	text := export(t, from)
	if strings.Count(text, `"base":`) < 4 || strings.Count(text, `"deletion":true`) != 3 {
		t.Fatalf("exported %d bytes: %.2000s", len(text), text)
	}
	half := strings.LastIndex(text, `"part":1`)
	if _, err := load(t, to, text[:half]); err == nil {
		t.Error("half a base was taken for an archive")
	}
	if _, err := load(t, to, text); err != nil {
		t.Fatal(err)
	}
	if latest, err := to.Latest(t.Context(), gone); err != nil || !latest.Deleted() {
		t.Errorf("a deleted document: %+v %v", latest, err)
	}
	if err := archive.Verify(strings.NewReader(text), func(record.Key, int, int) {}); err != nil {
		t.Error(err)
	}
	if again := export(t, to); again != text {
		t.Errorf("exported\n%.500s\nand after an import\n%.500s", text, again)
	}
	if told, err := load(t, to, text); err != nil || strings.Contains(strings.ReplaceAll(told, " 0;", ""), ";") {
		t.Errorf("a second import stored something: %s %v", told, err)
	}
}

// TestL11_ForgedBase: a base whose sum is right, but that is none, is not stored.
func TestL11_ForgedBase(t *testing.T) {
	t.Parallel()
	key := record.Key{Space: "demo", ID: "doc"}
	good := stated(t, key, record.Position{Epoch: 1, Revision: 2, Chain: 3}, `{"a":1}`)
	for name, content := range map[string][]byte{
		"garbage":          []byte("garbage"),
		"another document": stated(t, record.Key{Space: "demo", ID: "other"}, record.Position{Epoch: 1, Revision: 2, Chain: 3}, `{"a":1}`),
		"no JSON":          stated(t, key, record.Position{Epoch: 1, Revision: 2, Chain: 3}, `{"a":1,}`),
		"cut":              good[:len(good)-1],
	} {
		text := []byte(`{"rivulet-export":2}` + "\n" + `{"doc":"demo/doc"}` + "\n")
		text = archive.AppendBase(text, &deltalog.Base{Content: content})
		text = append(text, `{"end":"demo/doc","records":1}`+"\n"+`{"done":true,"documents":1}`+"\n"...)
		to := newLog(t)
		if _, err := load(t, to, string(text)); !errors.As(err, new(*archive.FormatError)) {
			t.Errorf("%s: %v", name, err)
		}
		if list, err := to.List(t.Context(), "demo"); err != nil || len(list) > 0 {
			t.Errorf("%s was stored: %v %v", name, list, err)
		}
	}
}

func remove(t testing.TB, log *deltalog.Log, key record.Key, tail *deltalog.Tail) {
	t.Helper()
	rec := record.Record{
		Epoch: tail.Head.Epoch, Prev: tail.Head.Revision, PrevChain: tail.Head.Chain, Kind: record.KindDeletion,
		Mutations: []record.Mutation{{ID: record.MutationID{Number: 1}, Delta: []byte(`{}`)}},
	}
	data, err := rec.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if *tail, err = log.Append(t.Context(), key, *tail, data); err != nil {
		t.Fatal(err)
	}
}

// TestOneMoment: an export of all spaces, beside transactions that move a unit from one
// document to another, has the sum in every space. A record that is not as it was
// exported is found out.
func TestOneMoment(t *testing.T) {
	t.Parallel()
	from := newLog(t)
	const accounts = 6
	key := func(space, i int) record.Key {
		return record.Key{Space: fmt.Sprint("bank-", space), ID: fmt.Sprint("a", i)}
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for space := range 3 {
		random := rand.New(rand.NewPCG(9, uint64(space)))
		wg.Go(func() {
			tails, has := make([]deltalog.Tail, accounts), make([]int, accounts)
			for i := range tails {
				tails[i].Head.Epoch = from.Epoch(key(space, i))
			}
			for n := uint64(1); ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				i := random.IntN(accounts)
				j := (i + 1 + random.IntN(accounts-1)) % accounts
				has[i], has[j] = has[i]-1, has[j]+1
				var all []deltalog.Addition
				for _, k := range []int{i, j} {
					at := tails[k].Head
					rec := record.Record{Epoch: at.Epoch, Prev: at.Revision, PrevChain: at.Chain, Mutations: []record.Mutation{
						{ID: record.MutationID{Number: n}, Delta: fmt.Appendf(nil, `{"n":%d}`, has[k])},
					}}
					data, err := rec.Encode()
					if err != nil {
						t.Error(err)
						return
					}
					all = append(all, deltalog.Addition{Key: key(space, k), Tail: tails[k], Data: data})
				}
				next, err := from.AppendTogether(t.Context(), all)
				if err != nil {
					t.Error(err)
					return
				}
				tails[i], tails[j] = next[0], next[1]
			}
		})
	}
	var text string
	for range 4 {
		var out bytes.Buffer
		if err := archive.Export(t.Context(), from, "", time.UnixMilli(0), &out, func(record.Key, int, int) {}); err != nil {
			t.Fatal(err)
		}
		text = out.String()
		sums, last, in := make(map[string]int), 0, ""
		for l := range strings.Lines(text) {
			var at int
			switch {
			case strings.HasPrefix(l, `{"doc":`):
				in, last = strings.Split(l, `"`)[3], 0
			case strings.Contains(l, `"delta":`):
				if _, err := fmt.Sscanf(l[strings.Index(l, `"delta":`):], `"delta":{"n":%d}`, &at); err != nil {
					t.Fatal(err)
				}
				last = at
			case strings.HasPrefix(l, `{"end":`):
				sums[strings.Split(in, "/")[0]] += last
			}
		}
		for space, sum := range sums {
			if sum != 0 {
				t.Fatalf("%s has %d at the moment of the export", space, sum)
			}
		}
	}
	close(stop)
	wg.Wait()
	if err := archive.Verify(strings.NewReader(text), func(record.Key, int, int) {}); err != nil {
		t.Error(err)
	}
	at := strings.Index(text, `"checksum":"`) + len(`"checksum":"`)
	wrong := text[:at] + "f00" + text[at+3:]
	if err := archive.Verify(strings.NewReader(wrong), func(record.Key, int, int) {}); err == nil || !strings.Contains(err.Error(), "do not lead to") {
		t.Errorf("another document at the end: %v", err)
	}
}

// TestInterrupted: an import that ended anywhere is begun again and ends as if nothing
// had been.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	from := newLog(t)
	fill(t, from, 2, 6)
	text := export(t, from)
	to := newLog(t)
	for end := 0; end < len(text); end += 97 {
		_, err := load(t, to, text[:end])
		var format *archive.FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), "ends here") {
			t.Fatalf("%d of %d bytes: %v", end, len(text), err)
		}
	}
	if _, err := load(t, to, text); err != nil {
		t.Fatal(err)
	}
	if again := export(t, to); again != text {
		t.Error("the result differs")
	}
}

// TestL11_DamagedArchives: whatever byte of an archive is another one, no record gets
// into the log that was not in the archive.
func TestL11_DamagedArchives(t *testing.T) {
	t.Parallel()
	from := newLog(t)
	fill(t, from, 1, 4)
	text := export(t, from)
	lines := make(map[string]bool)
	for l := range strings.Lines(text) {
		lines[l] = true
	}
	for at := 0; at < len(text); at += 11 {
		damaged := text[:at] + string(rune(text[at]^1)) + text[at+1:]
		to := newLog(t)
		_, err := load(t, to, damaged)
		var format *archive.FormatError
		if err != nil && !errors.As(err, &format) {
			t.Errorf("byte %d: %v", at, err)
		}
		for l := range strings.Lines(export(t, to)) {
			if strings.HasPrefix(l, `{"time"`) && !lines[l] {
				t.Errorf("byte %d: stored %s", at, l)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	to := newLog(t)
	const header = `{"rivulet-export":1,"space":"demo","time":"1970-01-01T00:00:00Z"}` + "\n"
	for text, want := range map[string]string{
		"":                            "line 1: it ends here",
		"{}\n":                        "line 1: this is no archive",
		"hello\n":                     "line 1: it is no line of an archive",
		`{"rivulet-export":3}` + "\n": "line 1: the archive has version 3",
		header + `{"done":true,"documents":1}` + "\n":                                       "line 2: 0 documents came before it, not 1",
		header + `{"doc":"nowhere"}` + "\n":                                                 "line 2: ",
		header + `{"end":"demo/a"}` + "\n":                                                  "line 2: it is out of place",
		header + `{"doc":"demo/a"}` + "\n" + `{"done":true}` + "\n":                         "line 3: it is out of place",
		header + `{"doc":"demo/a"}` + "\n" + `{"end":"demo/b"}` + "\n":                      "line 3: it ends demo/b",
		header + `{"doc":"demo/a"}` + "\n" + `{"end":"demo/a","records":1}` + "\n":          "line 3: 0 records came before it, not 1",
		header + `{"done":true}` + "\n" + header:                                            "line 3: it comes after the end",
		header + `{"doc":"` + strings.Repeat("x", 5<<20) + `"}` + "\n":                      "it has more than",
		header + `{"doc":"demo/a"}` + "\n" + `{"time":1,"mutations":[{}],"sum":"0"}` + "\n": "line 3: the record is damaged",
	} {
		_, err := load(t, to, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: %v, want %q", text, err, want)
		}
	}
}

// TestOtherRecords: a document that exists is not mixed with another one.
func TestOtherRecords(t *testing.T) {
	t.Parallel()
	from, to := newLog(t), newLog(t)
	fill(t, from, 1, 1)
	key := record.Key{Space: "demo", ID: "doc-0"}
	tail := deltalog.Tail{Head: record.Position{Epoch: to.Epoch(key)}}
	add(t, to, key, &tail, rand.New(rand.NewPCG(9, 9)), 50)
	before := export(t, to)
	_, err := load(t, to, export(t, from))
	var exists *archive.ExistsError
	if !errors.As(err, &exists) || exists.Key != key || exists.Record != 1 {
		t.Errorf("the error is %v", err)
	}
	if export(t, to) != before {
		t.Error("something was stored")
	}
}

// TestReadError: what the reader says is told.
func TestReadError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	err := archive.Import(context.Background(), newLog(t), io.MultiReader(strings.NewReader("{\"rivulet-export\":1}\n"), failing{broken}), nil)
	if !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
