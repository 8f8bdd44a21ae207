package record

//msgp:tuple Mutation
//msgp:tuple MutationID

// ClientID identifies one author of mutations: a browser page, a Go program.
// The server issues it. Its first six bytes are the time of its birth in
// milliseconds since 1970, big-endian; the others are random.
type ClientID [16]byte

// IsZero reports whether c is no client's id.
func (c ClientID) IsZero() bool { return c == ClientID{} }

// Born returns the time of birth in milliseconds since 1970.
func (c ClientID) Born() int64 {
	return int64(c[0])<<40 | int64(c[1])<<32 | int64(c[2])<<24 | int64(c[3])<<16 | int64(c[4])<<8 | int64(c[5])
}

// Transactions returns the id under which the log has this client's transactions over
// several documents. It is no client's own: their numbers are apart from those of its
// mutations. It is the id of that id, too.
func (c ClientID) Transactions() ClientID {
	c[len(c)-1] ^= 0xff
	return c
}

// String returns the id as 32 hexadecimal digits. (encoding/hex would bring fmt
// into the browser's download.)
func (c ClientID) String() string {
	const digits = "0123456789abcdef"
	text := make([]byte, 0, 2*len(c))
	for _, b := range c {
		text = append(text, digits[b>>4], digits[b&15])
	}
	return string(text)
}

// MutationID names one attempt at one mutation of a client on a document. The
// number says which mutation it is: numbers of one client on one document
// grow, and the log holds each at most once. The nonce is drawn anew for each
// delta that the client computes for it, so number and nonce together stand
// for the very delta, also where the server has made it (see Rewritten). The zero
// MutationID is "none".
type MutationID struct {
	Number uint64
	Nonce  uint64
}

// Rewritten returns the id under which the log holds the mutation if the server has
// run its named function, so that the delta is not the one that id stands for. It is
// the id of that id, too.
func (id MutationID) Rewritten() MutationID {
	return MutationID{Number: id.Number, Nonce: ^id.Nonce}
}

// Mutation is one committed transaction of one client.
type Mutation struct {
	Client ClientID
	ID     MutationID
	// Delta is an RFC 7386 merge patch in the very bytes that its author made.
	Delta []byte `msg:",zerocopy"`
}
