package archive

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Version is the version of the format that this package writes; it reads this one and
// those before it.
const Version = 2

// maxLine bounds a line, in bytes: a record in JSON takes little more than in the log.
const maxLine = 4 * record.MaxSize

// FormatError says where an archive is at fault.
type FormatError struct {
	Line   int // from 1
	Reason string
}

func (e *FormatError) Error() string {
	return "archive: line " + strconv.Itoa(e.Line) + ": " + e.Reason
}

// line is any line of an archive.
type line struct {
	Version *int   `json:"rivulet-export,omitempty"`
	Space   string `json:"space,omitempty"`

	Doc string `json:"doc,omitempty"`

	Mutations []mutation `json:"mutations,omitempty"`
	Deletion  bool       `json:"deletion,omitempty"`
	Sum       string     `json:"sum,omitempty"`

	Base  []byte `json:"base,omitempty"`
	Part  int    `json:"part,omitempty"`
	Parts int    `json:"parts,omitempty"`

	End     string `json:"end,omitempty"`
	Records int    `json:"records,omitempty"`
	// Checksum is of the document after the last record; empty in version 1.
	Checksum string `json:"checksum,omitempty"`

	Done      bool `json:"done,omitempty"`
	Documents int  `json:"documents,omitempty"`

	Time json.RawMessage `json:"time,omitempty"` // a number in a record, a text in the header
}

type mutation struct {
	Client string          `json:"client"`
	Number uint64          `json:"number"`
	Nonce  string          `json:"nonce"`
	Delta  json.RawMessage `json:"delta"`
}

// appendRecord appends the line of a record.
func appendRecord(dst []byte, rec *record.Record) []byte {
	from := len(dst)
	dst = append(dst, `{"time":`...)
	dst = strconv.AppendInt(dst, rec.Time, 10)
	dst = append(dst, `,"mutations":[`...)
	for i, m := range rec.Mutations {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"client":"`...)
		dst = hex.AppendEncode(dst, m.Client[:])
		dst = append(dst, `","number":`...)
		dst = strconv.AppendUint(dst, m.ID.Number, 10)
		dst = append(dst, `,"nonce":"`...)
		dst = strconv.AppendUint(dst, m.ID.Nonce, 16)
		dst = append(dst, `","delta":`...)
		dst = appendLine(dst, m.Delta)
		dst = append(dst, '}')
	}
	dst = append(dst, ']')
	if rec.Kind == record.KindDeletion {
		dst = append(dst, `,"deletion":true`...)
	}
	return appendSum(dst, from)
}

// appendSum ends the line that begins at from.
func appendSum(dst []byte, from int) []byte {
	sum := xxhash.Sum64(dst[from:])
	dst = append(dst, `,"sum":"`...)
	dst = strconv.AppendUint(dst, sum, 16)
	return append(dst, "\"}\n"...)
}

// appendBase appends the lines of a base, which is what a document was when the log had
// forgotten what came before.
func appendBase(dst []byte, base *deltalog.Base) []byte {
	const size = record.MaxSize
	parts := max(1, (len(base.Content)+size-1)/size)
	for part := range parts {
		from := len(dst)
		content := base.Content[part*size : min((part+1)*size, len(base.Content))]
		dst = fmt.Appendf(dst, `{"time":%d,"part":%d,"parts":%d,"base":"`, base.Time, part, parts)
		dst = base64.StdEncoding.AppendEncode(dst, content)
		dst = append(dst, '"')
		dst = appendSum(dst, from)
	}
	return dst
}

// appendLine appends JSON, which may be on several lines, on one.
func appendLine(dst, text []byte) []byte {
	if !bytes.ContainsAny(text, "\n\r") {
		return append(dst, text...)
	}
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return append(dst, text...) // it is valid: the log holds nothing else
	}
	return append(dst, b.Bytes()...)
}

// checkSum checks a line that ends with its sum, and returns its time.
func checkSum(text []byte, l *line) (int64, error) {
	tail := fmt.Appendf(nil, `,"sum":"%s"}`, l.Sum)
	body, ok := bytes.CutSuffix(bytes.TrimRight(text, "\r\n"), tail)
	if !ok || strconv.FormatUint(xxhash.Sum64(body), 16) != l.Sum {
		return 0, fmt.Errorf("the record is damaged: its sum is not %q", l.Sum)
	}
	ms, err := strconv.ParseInt(string(l.Time), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the time of a record is in milliseconds since 1970, not %.40s", l.Time)
	}
	return ms, nil
}

// recordOf checks the line of a record and returns what there is in it: its kind, its
// mutations and its time.
func recordOf(text []byte, l *line) (record.Record, error) {
	ms, err := checkSum(text, l)
	if err != nil {
		return record.Record{}, err
	}
	kind := record.KindChange
	if l.Deletion {
		if kind = record.KindDeletion; len(l.Mutations) != 1 {
			return record.Record{}, fmt.Errorf("a deletion has one mutation, not %d", len(l.Mutations))
		}
	}
	list := make([]record.Mutation, len(l.Mutations))
	for i, m := range l.Mutations {
		id, err := hex.DecodeString(m.Client)
		if err != nil || len(id) != len(list[i].Client) {
			return record.Record{}, fmt.Errorf("%.40q is no client id", m.Client)
		}
		nonce, err := strconv.ParseUint(m.Nonce, 16, 64)
		if err != nil || m.Number == 0 {
			return record.Record{}, fmt.Errorf("mutation %d with nonce %.20q is none", m.Number, m.Nonce)
		}
		if _, err := delta.Parse(m.Delta); err != nil {
			return record.Record{}, fmt.Errorf("a delta is none: %w", err)
		}
		copy(list[i].Client[:], id)
		list[i].ID = record.MutationID{Number: m.Number, Nonce: nonce}
		list[i].Delta = m.Delta
	}
	return record.Record{Kind: kind, Time: ms, Mutations: list}, nil
}

// contentOf is the hash of what a record says, wherever it stands.
func contentOf(rec *record.Record) uint64 { return xxhash.Sum64(appendRecord(nil, rec)) }
