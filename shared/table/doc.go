// Package table keeps indexes and live queries over a table: an object of
// records by id inside a document.
//
// The document tells a [Table] of every write of a row by [Table.Changed] and
// ends a batch with [Table.Flush]. Changed only notes the row; the work is done
// once per row and batch, however often a transaction wrote it:
//
//   - Indexes are brought up to date when a query next reads one, and by Flush.
//     So a query inside a transaction sees the transaction's own writes. An index
//     costs nothing until the first query that it could serve.
//   - Live results ([View], [Counter], [Groups]) move in Flush only, and with the
//     events that it delivers. They never show an unfinished transaction, and a
//     transaction that was reverted before Flush delivers nothing: each row is
//     compared with what the results hold, and it is what it was.
//
// # Values and their order
//
// Rows are compared by fields. A field is a member name, or, when it begins with
// a slash, a JSON pointer to a member further down. What a field holds has one
// place in a total order:
//
//	null or missing < false < true < numbers < strings < arrays and objects
//
// Numbers are ordered by their exact decimal value, of any size: 1, 1.0 and 1e0
// are equal, 9007199254740993 is more than 9007199254740992, 1e400 is finite, -0
// is 0. Strings are ordered by code point. Arrays and objects are all equal:
// they are no values to search for. Rows that an order leaves equal are ordered
// by id, so that every result is deterministic.
//
// # Guarantees
//
// A live result costs O(log n) per changed row which it holds or may come to
// hold. Rows are routed to results by the values of the fields that a query
// demands to be equal: of a thousand results with lane = x, a change wakes the
// one of its lane before and the one of its lane after. Deleted rows leave
// nothing behind.
//
// A change of a row's content is told by a 64-bit hash with [Config.Seed]; two
// contents with one hash, sort key and membership would be taken for one.
//
// A Table and what comes from it are not safe for concurrent use: they have the
// owner of the document.
package table
