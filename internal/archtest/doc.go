// Package archtest holds the house to its plan. Its tests read the import graph
// of the whole module, natively and as WebAssembly, and the weight of the
// module that browsers load. The plan is in docs/architecture.md.
package archtest
