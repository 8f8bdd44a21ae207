//go:build !unix

package load

// maxFiles returns how many files this process may have open; here that is not known.
func maxFiles() int { return maxConnections }
