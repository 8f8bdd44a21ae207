package order

import "sync"

// flight counts the bytes of what is on its way: read, or about to be, and neither settled
// nor held. Config.FlightBytes has four parts, so that none of those who need room can
// keep it from the others: deliveries have one, of which each lane has a share; the
// histories that workers read another one; and two are for what readers bring, of which
// documents whose deliveries stand still fill at most one.
//
// More than that is on its way by one event of each read and of each lane, which pass
// however large they are, and by what was held and goes on.
type flight struct {
	quarter int
	page    int // bytes that a read is asked for
	share   int // bytes of a delivery, and with several lanes of all that is of one document

	mu         sync.Mutex
	waiting    int
	delivering int
	freed      chan struct{} // closed when something lands; nil while nobody waits for that
}

// maxPage bounds a read, in bytes.
const maxPage = 1 << 20

func newFlight(c *Config) *flight {
	quarter := c.FlightBytes / 4
	return &flight{
		quarter: quarter,
		page:    max(1, min(maxPage, quarter/max(c.Readers, c.Workers))),
		share:   max(1, quarter/c.Lanes),
	}
}

// take takes room for a read, a history's or a partition's. Without room it returns what is
// closed when there may be some.
func (f *flight) take(history bool) (full <-chan struct{}) {
	limit := 2 * f.quarter
	if history {
		limit = 3 * f.quarter
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting == 0 || f.waiting+f.page <= limit {
		f.waiting += f.page
		return nil
	}
	if f.freed == nil {
		f.freed = make(chan struct{})
	}
	return f.freed
}

// add counts what comes to wait, and what comes to be delivered; either may be negative.
func (f *flight) add(waiting, delivering int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting += waiting
	f.delivering += delivering
	if waiting < 0 && f.freed != nil {
		close(f.freed)
		f.freed = nil
	}
}

func (f *flight) bytes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.waiting + f.delivering
}
