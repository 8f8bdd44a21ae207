package order

import (
	"log/slog"
	"time"
)

// Config bounds an Orderer. Zero values stand for the defaults.
type Config struct {
	// Partitions of the store, numbered from 0. Required.
	Partitions int
	// Marks are what Store.Save was last given of each partition. A partition without one
	// is read from its beginning.
	Marks []Mark
	// Live delivers the numbers of partitions that may have grown. Without it Run returns
	// when all that there is was delivered, or waits for what is not there.
	Live <-chan int

	// Readers read at a time; 16. Each holds a page.
	Readers int
	// PageSize is how many events are asked for at once; 250.
	PageSize int
	// Backlog is how many events may have been read and not been put in order; 10,000.
	Backlog int
	// FlightBytes bounds what was read and is neither delivered nor held, by Event.Size: Backlog,
	// Outbox, and what is being read and delivered; 32 MiB. A single event passes however large
	// it is.
	FlightBytes int
	// Workers put in order; 16. A partition has one.
	Workers int
	// HeldBytes bounds what waits in memory for its predecessors, by Event.Size and what the
	// structures around it take; 64 MiB. A page for each worker comes on top, until there is
	// made room.
	HeldBytes int
	// Documents that are remembered although nothing of them waits; 100,000. For another
	// one the store is asked when it shows up again.
	Documents int
	// Suspended documents that are remembered; 10,000. When there are more, the marks of
	// their partitions stand still, and what is behind is read again when there is room.
	Suspended int
	// Lanes is how many deliveries may be under way; 1.
	Lanes int
	// BatchSize is how many events a delivery has at most; 1,000. It has fewer if they are
	// large: all deliveries together have a quarter of FlightBytes.
	BatchSize int
	// PerDocument has each delivery be of one document.
	PerDocument bool
	// Outbox is how many events may have been put in order and not been delivered; 10,000.
	// One document has at most its share of a lane, of these and of FlightBytes.
	Outbox int

	// SaveEvery is how often marks are saved while they change; 1 s. They are also saved
	// when Run returns.
	SaveEvery time.Duration
	// RetryAfter is the first pause after a failure, and RetryAtMost the longest one: each is
	// twice the one before. 100 ms and 1 min.
	RetryAfter, RetryAtMost time.Duration

	// OnCaughtUp is called once, when all that was there when Run began was delivered or
	// is suspended. It must not block.
	OnCaughtUp func()
	// OnProgress is called when Positions or the numbers of suspended documents in Stats may
	// have changed, by several goroutines. It must not block, nor call the Orderer.
	OnProgress func()
	// Logger is told of failures; nil discards that.
	Logger *slog.Logger
	// Now is the clock; nil stands for time.Now.
	Now func() time.Time
}

func (c Config) withDefaults() Config {
	def := func(value *int, standard int) {
		if *value <= 0 {
			*value = standard
		}
	}
	def(&c.Readers, 16)
	def(&c.PageSize, 250)
	def(&c.Backlog, 10_000)
	def(&c.FlightBytes, 32<<20)
	def(&c.Workers, 16)
	def(&c.HeldBytes, 64<<20)
	def(&c.Documents, 100_000)
	def(&c.Suspended, 10_000)
	def(&c.Lanes, 1)
	def(&c.BatchSize, 1_000)
	def(&c.Outbox, 10_000)
	c.Workers = min(c.Workers, c.Partitions)
	c.Readers = min(c.Readers, c.Partitions)
	if c.SaveEvery <= 0 {
		c.SaveEvery = time.Second
	}
	if c.RetryAfter <= 0 {
		c.RetryAfter = 100 * time.Millisecond
	}
	if c.RetryAtMost <= 0 {
		c.RetryAtMost = time.Minute
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.OnCaughtUp == nil {
		c.OnCaughtUp = func() {}
	}
	if c.OnProgress == nil {
		c.OnProgress = func() {}
	}
	return c
}

// share is how many events of one document may be in flight when there are several
// lanes: all that are stuck together leave room.
func (c *Config) share() int { return max(1, c.Outbox/c.Lanes) }

// pause returns how long to wait after a number of failures in a row.
func (c *Config) pause(failures int) time.Duration {
	d := c.RetryAfter
	for ; failures > 1 && d < c.RetryAtMost; failures-- {
		d *= 2
	}
	return min(d, c.RetryAtMost)
}
