package record

// Special names the fields of records of version 2.
type Special = special
