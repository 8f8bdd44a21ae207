package record

import "strconv"

// FormatError reports bytes that are not a record of this format.
type FormatError struct{ Reason string }

func (e *FormatError) Error() string { return "record: " + e.Reason }

// VersionError reports a record that was written by a later version of this
// software. An older reader must stop before it, not skip it.
type VersionError struct{ Version uint8 }

func (e *VersionError) Error() string {
	return "record: format version " + strconv.Itoa(int(e.Version)) + " is newer than this program's " + strconv.Itoa(Version)
}
