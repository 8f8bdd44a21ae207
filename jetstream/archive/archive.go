package archive

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Log is what an archive is made of and goes to; [*deltalog.Log] is one.
type Log interface {
	Epoch(key record.Key) record.Epoch
	Stock(ctx context.Context, space string) iter.Seq2[deltalog.Stocked, error]
	Replay(ctx context.Context, key record.Key, from deltalog.Tail, fn func(deltalog.Entry) error) (deltalog.Tail, error)
	Append(ctx context.Context, key record.Key, tail deltalog.Tail, data []byte) (deltalog.Tail, error)
	AppendBase(ctx context.Context, key record.Key, tail deltalog.Tail, base deltalog.Base) (deltalog.Tail, error)
}

// Progress is told of a document that is done: how many records the archive has of it,
// and how many of them were stored by this call.
type Progress func(key record.Key, records, stored int)

// ForgottenError says that the log has forgotten what a document was at the moment of an
// export, as it was compacted meanwhile.
type ForgottenError struct{ Key record.Key }

func (e *ForgottenError) Error() string {
	return fmt.Sprintf("archive: the log has forgotten what document %s was when the export began: export again", e.Key)
}

// Export writes the documents of a space, or with an empty one of all spaces, with their
// history. Those of one space are as they were at one moment. It may run while they are
// written.
func Export(ctx context.Context, log Log, space string, now time.Time, w io.Writer, progress Progress) error {
	ex := &exporter{log: log, out: bufio.NewWriterSize(w, 64<<10)}
	fmt.Fprintf(ex.out, "{\"rivulet-export\":%d,\"space\":%q,\"time\":%q}\n", Version, space, now.UTC().Format(time.RFC3339))
	documents := 0
	for d, err := range log.Stock(ctx, space) {
		if err != nil {
			return err
		}
		records, err := ex.document(ctx, d)
		if err != nil {
			return err
		}
		if records > 0 {
			documents++
			progress(d.Key, records, records)
		}
	}
	fmt.Fprintf(ex.out, "{\"done\":true,\"documents\":%d}\n", documents)
	return ex.out.Flush() // with the error of whatever was written before
}

// exporter is one call of Export.
type exporter struct {
	log    Log
	out    *bufio.Writer
	buffer []byte
}

var errLater = errors.New("later than the moment of the export")

// document writes a document, unless it was not there yet, and returns of how many
// records.
func (ex *exporter) document(ctx context.Context, d deltalog.Stocked) (records int, err error) {
	state := doc.New()
	_, err = ex.log.Replay(ctx, d.Key, deltalog.Tail{}, func(e deltalog.Entry) error {
		switch {
		case e.Position.Revision > d.Until && e.Base != nil:
			return &ForgottenError{Key: d.Key}
		case e.Position.Revision > d.Until:
			return errLater
		case records == 0:
			fmt.Fprintf(ex.out, "{\"doc\":%q}\n", d.Key)
		}
		records++
		if state, err = follow(d.Key, state, &e); err != nil {
			return err
		}
		if e.Base == nil {
			ex.buffer = appendRecord(ex.buffer[:0], &e.Record)
		} else if ex.buffer = appendBase(ex.buffer[:0], e.Base); e.Deleted() {
			// In another log it is the first record, and cannot say so.
			records++
			ex.buffer = appendRecord(ex.buffer, deletion(e.Base.Time))
		}
		_, err := ex.out.Write(ex.buffer)
		return err
	})
	if err != nil && !errors.Is(err, errLater) {
		return 0, err
	}
	if records > 0 {
		fmt.Fprintf(ex.out, "{\"end\":%q,\"records\":%d,\"checksum\":%q}\n", d.Key, records, checksumOf(state))
	}
	return records, nil
}

// deletion is the record of a deletion of which the log only knows the outcome.
func deletion(ms int64) *record.Record {
	return &record.Record{
		Kind: record.KindDeletion, Time: ms,
		Mutations: []record.Mutation{{ID: record.MutationID{Number: 1}, Delta: []byte(`{}`)}},
	}
}

// follow applies an entry to a document and returns that, or another one if the entry is
// a base.
func follow(key record.Key, state *doc.Doc, e *deltalog.Entry) (*doc.Doc, error) {
	if e.Base != nil {
		return openBase(key, e.Base.Content)
	}
	for _, m := range e.Record.Mutations {
		patch, err := delta.Parse(m.Delta)
		if err != nil {
			return state, &deltalog.DamagedError{Key: key, Sequence: uint64(e.Position.Revision), Err: err}
		}
		state.Apply(patch)
	}
	return state, nil
}

func checksumOf(state *doc.Doc) string {
	sum := state.Checksum()
	return fmt.Sprintf("%016x%016x", sum.Hi, sum.Lo)
}

// ExistsError says that a document has other records than the archive. It was left as
// it is from there on.
type ExistsError struct {
	Key    record.Key
	Record int // the first that differs, from 1
}

func (e *ExistsError) Error() string {
	return fmt.Sprintf("archive: document %s exists, and its record %d is not that of the archive", e.Key, e.Record)
}

// Import stores the documents of an archive, and makes sure that each comes to what it
// was when it was exported. The error is a [*FormatError], an [*ExistsError], or that of
// reading or of the log; what was stored before it stays.
func Import(ctx context.Context, log Log, r io.Reader, progress Progress) error {
	return (&importer{log: log, progress: progress}).run(ctx, r)
}

// Verify reads an archive as Import does, and stores nothing: nil says that it is whole,
// and that every document comes to what it was when it was exported.
func Verify(r io.Reader, progress Progress) error {
	return (&importer{progress: progress}).run(context.Background(), r)
}

func (im *importer) run(ctx context.Context, r io.Reader) error {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		text, err := readLine(in)
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) && im.done:
			return nil
		case errors.Is(err, io.EOF):
			return im.fault("it ends here, before its end; get the rest and import it again: what is stored is passed over")
		case errors.Is(err, errLong):
			return im.fault(err.Error())
		default:
			return err
		}
		im.number++
		if err := im.take(ctx, text); err != nil {
			return err
		}
	}
}

var errLong = fmt.Errorf("it has more than %d bytes", maxLine)

func readLine(in *bufio.Reader) ([]byte, error) {
	var text []byte
	for {
		part, err := in.ReadSlice('\n')
		text = append(text, part...)
		switch {
		case len(text) > maxLine:
			return nil, errLong
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(text) > 0:
			return nil, io.EOF // half a line
		default:
			return text, err
		}
	}
}

// maxBase bounds a base in memory, in bytes.
const maxBase = 64 << 20

// importer is one call of Import, or, without a log, of Verify.
type importer struct {
	log      Log
	progress Progress

	number    int // of the line
	header    bool
	done      bool
	documents int

	open    bool
	key     record.Key
	tail    deltalog.Tail
	there   []uint64 // what the records say that the document has already
	records int
	stored  int
	state   *doc.Doc
	base    []byte // the parts of a base so far
	parts   int    // how many they are
}

func (im *importer) fault(reason string) error {
	return &FormatError{Line: max(1, im.number), Reason: reason}
}

// take handles a line.
func (im *importer) take(ctx context.Context, text []byte) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return im.fault("it is no line of an archive: " + err.Error())
	}
	switch {
	case im.done:
		return im.fault("it comes after the end")
	case !im.header && (l.Version == nil || *l.Version < 1):
		return im.fault("this is no archive: it begins with {\"rivulet-export\":1, …}")
	case !im.header && *l.Version > Version:
		return im.fault(fmt.Sprintf("the archive has version %d; this program reads up to %d: use a newer one", *l.Version, Version))
	case !im.header:
		im.header = true
		return nil
	case l.Doc != "" && !im.open:
		return im.begin(ctx, l.Doc)
	case l.Parts > 0 && im.open && im.records == 0:
		return im.part(ctx, text, &l)
	case len(l.Mutations) > 0 && im.open && im.parts == 0:
		return im.record(ctx, text, &l)
	case l.End != "" && im.open && im.parts == 0:
		return im.end(&l)
	case l.Done && !im.open:
		if im.done = l.Documents == im.documents; !im.done {
			return im.fault(fmt.Sprintf("%d documents came before it, not %d", im.documents, l.Documents))
		}
		return nil
	}
	return im.fault("it is out of place")
}

// begin reads what there is of a document.
func (im *importer) begin(ctx context.Context, name string) error {
	key, err := record.ParseKey(name)
	if err != nil {
		return im.fault(err.Error())
	}
	im.open, im.key, im.there, im.records, im.stored = true, key, nil, 0, 0
	im.state, im.base, im.parts = doc.New(), nil, 0
	if im.log == nil {
		return nil
	}
	im.tail = deltalog.Tail{Head: record.Position{Epoch: im.log.Epoch(key)}}
	return im.readOn(ctx)
}

func (im *importer) readOn(ctx context.Context) error {
	tail, err := im.log.Replay(ctx, im.key, im.tail, func(e deltalog.Entry) error {
		if e.Base != nil {
			im.there = append(im.there, xxhash.Sum64(e.Base.Content))
		} else {
			im.there = append(im.there, contentOf(&e.Record))
		}
		return nil
	})
	im.tail = tail
	return err
}

// record stores a record unless it is there.
func (im *importer) record(ctx context.Context, text []byte, l *line) error {
	rec, err := recordOf(text, l)
	if err != nil {
		return im.fault(err.Error())
	}
	for _, m := range rec.Mutations {
		im.state.Apply(delta.Trusted(m.Delta)) // they were parsed
	}
	return im.store(ctx, contentOf(&rec), func() (deltalog.Tail, error) {
		head := im.tail.Head
		rec.Epoch, rec.Prev, rec.PrevChain = head.Epoch, head.Revision, head.Chain
		data, err := rec.Encode()
		if err != nil {
			return im.tail, im.fault(err.Error())
		}
		return im.log.Append(ctx, im.key, im.tail, data)
	})
}

// part takes a part of a base, which is stored when the last one has come.
func (im *importer) part(ctx context.Context, text []byte, l *line) error {
	ms, err := checkSum(text, l)
	switch {
	case err != nil:
		return im.fault(err.Error())
	case l.Part != im.parts || l.Part >= l.Parts || len(im.base) > maxBase:
		return im.fault("it is out of place")
	}
	im.base = append(im.base, l.Base...)
	if im.parts++; im.parts < l.Parts {
		return nil
	}
	base := deltalog.Base{Time: ms, Content: im.base}
	im.base, im.parts = nil, 0
	if im.state, err = openBase(im.key, base.Content); err != nil {
		return im.fault(err.Error())
	}
	return im.store(ctx, xxhash.Sum64(base.Content), func() (deltalog.Tail, error) {
		return im.log.AppendBase(ctx, im.key, im.tail, base)
	})
}

var codec = sync.OnceValues(func() (*snapshot.Codec, error) { return snapshot.NewCodec(maxBase) })

// openBase makes sure that the content of a base is what a log may hold, and returns its
// document.
func openBase(key record.Key, content []byte) (*doc.Doc, error) {
	c, err := codec()
	if err != nil {
		return nil, err
	}
	s, err := c.Decode(key, content)
	if err != nil {
		return nil, err
	}
	d, err := doc.Parse(s.Document)
	if err != nil {
		return nil, err
	}
	if d.Checksum() != s.Checksum {
		return nil, errors.New("the document of a base is not what its checksum says")
	}
	return d, nil
}

// store stores the next record unless it is there.
func (im *importer) store(ctx context.Context, content uint64, add func() (deltalog.Tail, error)) error {
	im.records++
	if im.log == nil {
		return nil
	}
	for {
		if n := im.records - 1; n < len(im.there) {
			if im.there[n] != content {
				return &ExistsError{Key: im.key, Record: im.records}
			}
			return nil
		}
		tail, err := add()
		var conflict *deltalog.ConflictError
		switch {
		case err == nil:
			im.tail = tail
			im.there = append(im.there, content)
			im.stored++
			return nil
		case !errors.As(err, &conflict):
			return err
		}
		if err := im.readOn(ctx); err != nil { // another import, or an edit
			return err
		}
	}
}

func (im *importer) end(l *line) error {
	switch {
	case l.End != im.key.String():
		return im.fault("it ends " + l.End + ", but " + im.key.String() + " was begun")
	case l.Checksum != "" && l.Checksum != checksumOf(im.state):
		return im.fault("the records of " + l.End + " do not lead to the document that was exported")
	case l.Records != im.records:
		return im.fault(fmt.Sprintf("%d records came before it, not %d", im.records, l.Records))
	}
	im.open = false
	im.documents++
	im.progress(im.key, im.records, im.stored)
	return nil
}
