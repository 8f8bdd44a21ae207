package deltalog

import (
	"fmt"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Numbers of the layout. Changing one is a migration of every log.
const (
	// Shards is the number of streams. The documents of one space share one.
	Shards = 16
	// Partitions divides the documents of a shard among parallel readers.
	Partitions = 16
)

const (
	root     = "rv"
	newsRoot = "rvn"
)

// Subject returns the subject of a document's records:
//
//	rv.<shard>.<partition>.<space>.<id>
//
//	shard     = xxhash64(space) mod 16           two upper-case hexadecimal digits
//	partition = xxhash64(space "/" id) mod 16    two upper-case hexadecimal digits
//
// where xxhash64 has seed 0. In space and id every byte other than A-Z a-z 0-9
// _ and - is written as % and two upper-case hexadecimal digits (RFC 3986).
func Subject(key record.Key) string {
	b := make([]byte, 0, len(root)+8+len(key.Space)+3*len(key.ID))
	b = append(b, root...)
	b = append(b, '.')
	b = appendHex(b, shardOf(key))
	b = append(b, '.')
	b = appendHex(b, partitionOf(key))
	b = append(b, '.')
	b = appendToken(b, key.Space)
	b = append(b, '.')
	b = appendToken(b, key.ID)
	return string(b)
}

// Stream returns the name of the stream that holds a document: RV_00 to RV_0F.
func Stream(key record.Key) string { return streamName(shardOf(key)) }

// StreamOfShard returns the name of the stream of a shard, from 0 to [Shards]-1.
func StreamOfShard(shard byte) string { return streamName(shard) }

// GapSubject returns a subject of a stream that is no document's: what is stored there
// is nothing to anybody.
func GapSubject(stream string) string {
	return root + "." + strings.TrimPrefix(stream, streamPrefix) + ".+.+.gap"
}

// SubjectError reports a text that is not the subject of a document.
type SubjectError struct {
	Subject string
	Reason  string
}

func (e *SubjectError) Error() string {
	return fmt.Sprintf("deltalog: subject %.300q: %s", e.Subject, e.Reason)
}

// ParseSubject is the inverse of [Subject]. It accepts exactly what Subject
// returns for valid keys. The error is a [*SubjectError].
func ParseSubject(subject string) (record.Key, error) {
	tokens := strings.Split(subject, ".")
	if len(tokens) != 5 || tokens[0] != root {
		return record.Key{}, &SubjectError{subject, "is not rv.<shard>.<partition>.<space>.<id>"}
	}
	id, ok := unescape(tokens[4])
	if !ok {
		return record.Key{}, &SubjectError{subject, "has a malformed percent-encoding"}
	}
	key, err := record.ParseKey(tokens[3] + "/" + id)
	if err != nil {
		return record.Key{}, &SubjectError{subject, err.Error()}
	}
	// One comparison covers shard, partition and every needless encoding.
	if want := Subject(key); want != subject {
		return record.Key{}, &SubjectError{subject, "is written " + want}
	}
	return key, nil
}

func shardOf(key record.Key) byte { return byte(xxhash.Sum64String(key.Space) % Shards) }

func partitionOf(key record.Key) byte { return byte(xxhash.Sum64String(key.String()) % Partitions) }

const streamPrefix = "RV_"

func streamName(shard byte) string { return string(appendHex([]byte(streamPrefix), shard)) }

func shardFilter(shard byte) string {
	return string(appendHex([]byte(root+"."), shard)) + ".*.*.*"
}

// spaceFilter is what the subjects of all documents in the space of a key match.
func spaceFilter(key record.Key) string {
	b := appendHex([]byte(root+"."), shardOf(key))
	b = appendToken(append(b, ".*."...), key.Space)
	return string(append(b, ".*"...))
}

// partitionFilter is what the subjects of all documents of a partition match.
func partitionFilter(shard, partition byte) string {
	b := appendHex([]byte(root+"."), shard)
	b = appendHex(append(b, '.'), partition)
	return string(append(b, ".*.*"...))
}

// checkpointSubject is where the compactions of a stream are noted. No document can
// have it: a plus does not occur in subjects of documents.
func checkpointSubject(shard byte) string {
	return string(append(appendHex([]byte(root+"."), shard), ".+.+.checkpoint"...))
}

const hexDigits = "0123456789ABCDEF"

func appendHex(b []byte, v byte) []byte { return append(b, hexDigits[v>>4], hexDigits[v&15]) }

func appendToken(b []byte, text string) []byte {
	for i := range len(text) {
		c := text[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' {
			b = append(b, c)
			continue
		}
		b = appendHex(append(b, '%'), c)
	}
	return b
}

func unescape(token string) (string, bool) {
	if !strings.Contains(token, "%") {
		return token, true
	}
	b := make([]byte, 0, len(token))
	for i := 0; i < len(token); i++ {
		if token[i] != '%' {
			b = append(b, token[i])
			continue
		}
		if i+2 >= len(token) {
			return "", false
		}
		high, low := strings.IndexByte(hexDigits, token[i+1]), strings.IndexByte(hexDigits, token[i+2])
		if high < 0 || low < 0 {
			return "", false
		}
		b = append(b, byte(high<<4|low))
		i += 2
	}
	return string(b), true
}
