package archive

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Log is what an archive is made of and goes to; [*deltalog.Log] is one.
type Log interface {
	Epoch(key record.Key) record.Epoch
	List(ctx context.Context, space string) ([]deltalog.Listed, error)
	Latest(ctx context.Context, key record.Key) (deltalog.Entry, error)
	Replay(ctx context.Context, key record.Key, from deltalog.Tail, fn func(deltalog.Entry) error) (deltalog.Tail, error)
	Append(ctx context.Context, key record.Key, tail deltalog.Tail, data []byte) (deltalog.Tail, error)
	AppendBase(ctx context.Context, key record.Key, tail deltalog.Tail, base deltalog.Base) (deltalog.Tail, error)
}

// Progress is told of a document that is done: how many records the archive has of it,
// and how many of them were stored by this call.
type Progress func(key record.Key, records, stored int)

// Export writes the documents of a space as they are while it runs. Each is whole, up to
// a record of its own: there is no common moment. Deleted ones are left out.
func Export(ctx context.Context, log Log, space string, now time.Time, w io.Writer, progress Progress) error {
	list, err := log.List(ctx, space)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	fmt.Fprintf(out, "{\"rivulet-export\":%d,\"space\":%q,\"time\":%q}\n", Version, space, now.UTC().Format(time.RFC3339))
	var buffer []byte
	documents := 0
	for _, d := range list {
		latest, err := log.Latest(ctx, d.Key)
		if errors.Is(err, deltalog.ErrNotFound) || err == nil && latest.Deleted() {
			continue
		}
		if err != nil {
			return err
		}
		documents++
		fmt.Fprintf(out, "{\"doc\":%q}\n", d.Key)
		records := 0
		_, err = log.Replay(ctx, d.Key, deltalog.Tail{}, func(e deltalog.Entry) error {
			records++
			if e.Base != nil {
				buffer = appendBase(buffer[:0], e.Base)
			} else {
				buffer = appendRecord(buffer[:0], &e.Record)
			}
			_, err := out.Write(buffer)
			return err
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "{\"end\":%q,\"records\":%d}\n", d.Key, records)
		progress(d.Key, records, records)
	}
	fmt.Fprintf(out, "{\"done\":true,\"documents\":%d}\n", documents)
	return out.Flush() // with the error of whatever was written before
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

// Import stores the documents of an archive. The error is a [*FormatError], an
// [*ExistsError], or that of reading or of the log; what was stored before it stays.
func Import(ctx context.Context, log Log, r io.Reader, progress Progress) error {
	im := &importer{log: log, progress: progress}
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

// importer is one call of Import.
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
	im.base, im.parts = nil, 0
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
	if err := checkBase(im.key, base.Content); err != nil {
		return im.fault(err.Error())
	}
	return im.store(ctx, xxhash.Sum64(base.Content), func() (deltalog.Tail, error) {
		return im.log.AppendBase(ctx, im.key, im.tail, base)
	})
}

// checkBase makes sure that the content of a base is what a log may hold.
func checkBase(key record.Key, content []byte) error {
	codec, err := snapshot.NewCodec(maxBase)
	if err != nil {
		return err
	}
	s, err := codec.Decode(key, content)
	if err != nil {
		return err
	}
	d, err := doc.Parse(s.Document)
	if err != nil {
		return err
	}
	if d.Checksum() != s.Checksum {
		return errors.New("the document of a base is not what its checksum says")
	}
	return nil
}

// store stores the next record unless it is there.
func (im *importer) store(ctx context.Context, content uint64, add func() (deltalog.Tail, error)) error {
	im.records++
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
	case l.Records != im.records:
		return im.fault(fmt.Sprintf("%d records came before it, not %d", im.records, l.Records))
	}
	im.open = false
	im.documents++
	im.progress(im.key, im.records, im.stored)
	return nil
}
