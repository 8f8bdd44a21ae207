package presence

import (
	"math"
	"strconv"
	"time"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

//go:generate go tool msgp -file message.go -o message_gen.go -unexported -io=false -tests=false

//msgp:tuple message
//msgp:tuple entry
//msgp:ignore FormatError

// version of the messages, their first element.
const version = 1

// Kinds of messages.
const (
	kindBeat   = iota // has no states
	kindBye           // the origin has left, with all of its clients
	kindChange        // has what has changed
	kindPart          // has a part of all that there is; others follow
	kindWhole         // has the last part, or all
	kinds
)

// everybody is asked by an Ask of this.
const everybody = math.MaxUint64

const (
	// maxMessage bounds a message, in bytes.
	maxMessage = 64 << 10
	// overhead is what a message has at most beside its entries, and an entry beside its
	// state.
	messageOverhead = 64
	entryOverhead   = 40
	// minWithin and maxWithin bound how long an origin may announce to be silent.
	minWithin = 30 * time.Millisecond
	maxWithin = 10 * time.Minute
	// maxSince is beyond all clocks, and can be followed.
	maxSince = 1 << 53
)

// message is what a room tells the rooms of the same document on other servers.
type message struct {
	Version uint8
	// Origin is the room that says it, and one time that it is on the network: the
	// server's incarnation, as far as this document is concerned. Drawn at random; neither
	// 0 nor everybody.
	Origin uint64
	Kind   uint8
	// Count is how many messages with states the origin has sent, this one included.
	Count uint64
	// Begun is the Count of the first part, in a part and in a whole; otherwise 0.
	Begun uint64
	// Within is how many milliseconds later the origin is taken for dead unless it has said
	// something else.
	Within uint32
	// Ask is the origin that is asked to say all that it knows, everybody, or 0: nobody.
	Ask     uint64
	Clients []entry `msg:",limit=4096"`
}

// entry is what one client tells about itself.
type entry struct {
	Client record.ClientID
	// Since is when the origin first heard of it by the connection that it has, in
	// milliseconds since 1970, and later than what was known of the client elsewhere.
	Since int64
	// State is a JSON object, or empty in a change: it has gone.
	State []byte `msg:",zerocopy"`
}

// FormatError reports bytes that are no message of presence.
type FormatError struct{ Reason string }

func (e *FormatError) Error() string { return "presence: a message " + e.Reason }

func (m *message) encode() ([]byte, error) {
	m.Version = version
	return m.MarshalMsg(make([]byte, 0, m.Msgsize()))
}

// decode reads a message. The states in it are slices of data. The error is a
// [*FormatError].
func decode(data []byte) (*message, error) {
	if len(data) > maxMessage {
		return nil, &FormatError{"has " + strconv.Itoa(len(data)) + " bytes"}
	}
	var m message
	rest, err := m.UnmarshalMsg(data)
	switch {
	case err != nil:
		return nil, &FormatError{"cannot be read: " + err.Error()}
	case len(rest) != 0:
		return nil, &FormatError{"is followed by " + strconv.Itoa(len(rest)) + " bytes"}
	case m.Version != version:
		return nil, &FormatError{"has version " + strconv.Itoa(int(m.Version))}
	case m.Origin == 0 || m.Origin == everybody:
		return nil, &FormatError{"has no origin"}
	case m.Kind >= kinds:
		return nil, &FormatError{"is of kind " + strconv.Itoa(int(m.Kind))}
	case m.within() < minWithin || m.within() > maxWithin:
		return nil, &FormatError{"announces silence of " + m.within().String()}
	case !m.counted():
		return nil, &FormatError{"contradicts itself"}
	}
	for i := range m.Clients {
		if err := m.Clients[i].check(m.Kind); err != nil {
			return nil, err
		}
	}
	return &m, nil
}

func (m *message) within() time.Duration { return time.Duration(m.Within) * time.Millisecond }

// counted reports whether the counts and the entries are those of a message of its kind.
func (m *message) counted() bool {
	switch m.Kind {
	case kindBeat, kindBye:
		return m.Begun == 0 && len(m.Clients) == 0
	case kindChange:
		return m.Begun == 0 && m.Count > 0 && len(m.Clients) > 0
	}
	return 0 < m.Begun && m.Begun <= m.Count
}

func (e *entry) check(kind uint8) error {
	switch {
	case e.Client.IsZero():
		return &FormatError{"names no client"}
	case e.Since < 0 || e.Since > maxSince:
		return &FormatError{"has an entry since " + strconv.FormatInt(e.Since, 10)}
	case len(e.State) > wire.MaxPresence:
		return &FormatError{"has a state of " + strconv.Itoa(len(e.State)) + " bytes"}
	case len(e.State) == 0 && kind == kindChange:
		return nil
	}
	if err := jsontext.ValidateObject(e.State); err != nil {
		return &FormatError{"has a state that is no object: " + err.Error()}
	}
	return nil
}
