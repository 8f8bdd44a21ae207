// Package archive moves documents with their history between logs: the file that
// rivulet export writes and rivulet import reads.
//
// An archive is text, a line of JSON each (NDJSON), with the documents one after the
// other:
//
//	{"rivulet-export":2,"space":"demo","time":"2026-11-21T10:00:00Z"}
//	{"doc":"demo/board"}
//	{"time":1795255200000,"mutations":[{"client":"01a1…","number":5,"nonce":"9f…","delta":{"title":"Plans"}}],"sum":"5c…"}
//	{"end":"demo/board","records":1,"checksum":"5f…"}
//	{"done":true,"documents":1}
//
// A record's sum is the xxhash64 of its other members as they stand in the line, from
// the brace before "time" to what is before the comma. A record that deletes the document
// has "deletion":true after its mutations. Where the log has forgotten the first records
// of a document, these lines stand for them:
//
//	{"time":1795255200000,"part":0,"parts":1,"base":"<base64>","sum":"5c…"}
//
// A base is the bytes of a snapshot (docs/formats.md), in parts of up to 1000 KiB. The
// checksum at the end is that of the document after the last record, high and low 64 bits.
//
// [Import] appends each record to the log of its document, by compare-and-set. The
// records get revisions and an epoch of the log that they come to; clients, numbers and
// times are kept, so a client that comes back with an edit that is in the archive has it
// counted once. An import that was interrupted is begun again with the same archive:
// what is there already is compared and passed over. A document that has other records
// is left as it is, and named.
//
// Nothing of a line is stored before its sum is checked; an archive that ends early is
// an error, and what came before the end is stored.
package archive
