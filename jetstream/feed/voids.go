package feed

import (
	"math"
	"sync"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// voids knows which records of a shard may be trusted by who has not read their documents from
// the beginning: a record that names a valid one, and follows it, is valid. Those that were
// judged are, but for those of the documents that are listed.
type voids struct {
	mu        sync.Mutex
	judged    uint64 // records after that sequence were judged
	documents map[record.Key]struct{}
}

// maxVoids is how many documents are listed, as all go into a message. With more of them none is
// trusted any more. No writer of Rivulet makes such records by itself.
const maxVoids = 500

// begin takes what was stored.
func (v *voids) begin(judged uint64, documents []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.judged, v.documents = judged, map[record.Key]struct{}{}
	for _, text := range documents {
		if key, err := record.ParseKey(text); err == nil { // they are ours
			v.documents[key] = struct{}{}
		}
	}
}

func (v *voids) add(key record.Key) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.documents == nil {
		v.documents = map[record.Key]struct{}{}
	}
	v.documents[key] = struct{}{}
	if len(v.documents) > maxVoids {
		v.judged, v.documents = math.MaxUint64, nil
	}
}

// of returns the sequence after which records were judged, and whether the document is listed.
func (v *voids) of(key record.Key) (judged uint64, void bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, void = v.documents[key]
	return v.judged, void
}

// all returns what is to be stored.
func (v *voids) all() (judged uint64, documents []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for key := range v.documents {
		documents = append(documents, key.String())
	}
	return v.judged, documents
}
