package snapshot

import (
	"strconv"
	"strings"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Names of the layout. Changing one loses all snapshots.
const (
	// Stream is the name of the stream.
	Stream = "RV_SNAPSHOTS"
	root   = "rvs"
)

// Subject returns the subject of a document's head: that of its log with another
// first token. Those of parts have two more, the generation and the number:
//
//	rvs.<shard>.<partition>.<space>.<id>
//	rvs.<shard>.<partition>.<space>.<id>.<generation>.<part>
func Subject(key record.Key) string {
	_, tokens, _ := strings.Cut(deltalog.Subject(key), ".")
	return root + "." + tokens
}

func partSubject(head, generation string, part int) string {
	return head + "." + generation + "." + strconv.Itoa(part)
}

// generation names the parts of one Put: the sequence of the head that it found,
// and a random number, which no other Put draws. Both are hexadecimal.
func generation(replaces, random uint64) string {
	return strconv.FormatUint(replaces, 16) + "-" + strconv.FormatUint(random, 16)
}

// replacedBy returns the sequence of the head that the Put of a generation found,
// and false for what is no generation.
func replacedBy(generation string) (uint64, bool) {
	replaces, random, found := strings.Cut(generation, "-")
	if _, err := strconv.ParseUint(random, 16, 64); !found || err != nil {
		return 0, false
	}
	sequence, err := strconv.ParseUint(replaces, 16, 64)
	return sequence, err == nil
}

func isGeneration(text string) bool {
	_, ok := replacedBy(text)
	return ok
}
