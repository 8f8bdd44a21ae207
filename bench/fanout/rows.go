package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/rivulet-sync/rivulet/bench/load"
)

func perDelivery(r *load.Report) float64 { return r.CPUPerDelivery }
func perEdit(r *load.Report) float64     { return r.CPUPerSent }
func perSecond(r *load.Report) float64   { return r.PerSecond }
func perCore(r *load.Report) float64     { return r.PerCore }
func sent(r *load.Report) float64        { return r.SentPerSecond }
func idleBytes(r *load.Report) float64   { return r.IdleBytes }
func p99(r *load.Report) float64         { return r.LatencyMS.P99 }
func deliveriesK(r *load.Report) float64 { return r.K.Mean }

// Shapes of loads.
var (
	oneInFlight = load.Config{Documents: 1, Subscribers: 1000, InFlight: 1}
	saturation  = load.Config{Documents: 1, Subscribers: 1000, InFlight: 16}
	rooms       = load.Config{Documents: 100, Subscribers: 10, InFlight: 4}
	quietRooms  = load.Config{Documents: 100, Subscribers: 10, InFlight: 1}
)

func (b *bench) one(ctx context.Context) error {
	all, err := b.pairs(ctx, b.rounds, oneInFlight, load.Fanout, joined, rivulet)
	if err != nil {
		return err
	}
	b.row("1 x 1000, one edit in flight", "us a delivery",
		number("%.2f", median(all[joined], perDelivery)), number("%.2f", median(all[rivulet], perDelivery)),
		number("%.2f", ratios(all[rivulet], all[joined], perDelivery)), "3.6; 1.25")
	return nil
}

func (b *bench) saturated(ctx context.Context) error {
	all, err := b.pairs(ctx, b.rounds, saturation, load.Fanout, joined, rivulet)
	if err != nil {
		return err
	}
	b.row("1 x 1000, 16 in flight", "deliveries/s",
		number("%.0f", median(all[joined], perSecond)), number("%.0f", median(all[rivulet], perSecond)),
		number("%.2f", ratios(all[rivulet], all[joined], perSecond)), "2,500,000")
	b.row("", "us a delivery",
		number("%.3f", median(all[joined], perDelivery)), number("%.3f", median(all[rivulet], perDelivery)),
		number("%.2f", ratios(all[rivulet], all[joined], perDelivery)), "0.4")
	b.row("", "K, mean", number("%.1f", median(all[joined], deliveriesK)), number("%.1f", median(all[rivulet], deliveriesK)), "", "")
	return nil
}

func (b *bench) roomsOf10(ctx context.Context) error {
	all, err := b.pairs(ctx, b.rounds, rooms, load.Fanout, joined, rivulet)
	if err != nil {
		return err
	}
	b.row("100 x 10, 4 in flight each", "deliveries/s",
		number("%.0f", median(all[joined], perSecond)), number("%.0f", median(all[rivulet], perSecond)),
		number("%.2f", ratios(all[rivulet], all[joined], perSecond)), "350,000")
	b.row("", "us a delivery",
		number("%.2f", median(all[joined], perDelivery)), number("%.2f", median(all[rivulet], perDelivery)),
		number("%.2f", ratios(all[rivulet], all[joined], perDelivery)), "2.8")
	return nil
}

func (b *bench) edit(ctx context.Context) error {
	all, err := b.pairs(ctx, b.rounds, quietRooms, load.Fanout, joined, rivulet)
	if err != nil {
		return err
	}
	b.row("100 x 10, one in flight", "us an edit, its 10 deliveries included",
		number("%.1f", median(all[joined], perEdit)), number("%.1f", median(all[rivulet], perEdit)),
		number("%.2f", ratios(all[rivulet], all[joined], perEdit)), "60 (bare 31)")
	return nil
}

// marshal compares with what marshals for each subscriber.
func (b *bench) marshal(ctx context.Context) error {
	all, err := b.pairs(ctx, b.rounds, saturation, load.Fanout, each, once, joined, rivulet)
	if err != nil {
		return err
	}
	for _, kind := range []mode{each, once, joined} {
		b.row("1 x 1000, 16 in flight", "deliveries/s/core; bare: "+string(kind),
			number("%.0f", median(all[kind], perCore)), number("%.0f", median(all[rivulet], perCore)),
			number("%.1f", ratios(all[rivulet], all[kind], perCore)), map[mode]string{each: "5"}[kind])
	}
	return nil
}

func (b *bench) idleMemory(ctx context.Context) error {
	all, err := b.pairs(ctx, b.rounds, load.Config{Documents: 1, Subscribers: b.idle}, load.Idle, joined, rivulet)
	if err != nil {
		return err
	}
	b.row(fmt.Sprintf("%d idle connections", b.idle), "KB each",
		number("%.1f", median(all[joined], idleBytes)/1000), number("%.1f", median(all[rivulet], idleBytes)/1000),
		number("%.2f", ratios(all[rivulet], all[joined], idleBytes)), "1.1; 20 KB")
	return nil
}

func (b *bench) manyIdle(ctx context.Context) error {
	report, err := b.measure(ctx, rivulet, load.Config{Documents: 1, Subscribers: b.many}, load.Idle)
	if err != nil {
		return err
	}
	b.row(fmt.Sprintf("%d idle connections", b.many), "KB each; RSS",
		"", fmt.Sprintf("%.1f; %.0f MB", report.IdleBytes/1000, report.ServerRSS/1e6), "", "15,000 of 20 KB")
	return nil
}

// tails are the latencies at half of the load that each shape is saturated with.
func (b *bench) tails(ctx context.Context) error {
	for _, shape := range []struct {
		name string
		cfg  load.Config
	}{{"1 x 1000, one in flight", oneInFlight}, {"1 x 1000, 16 in flight", saturation}, {"100 x 10, 4 in flight each", rooms}} {
		all, err := b.pairs(ctx, 1, shape.cfg, load.Fanout, joined, rivulet)
		if err != nil {
			return err
		}
		cells := make(map[mode]string)
		for _, kind := range []mode{joined, rivulet} {
			half := shape.cfg
			half.Rate = median(all[kind], sent) / 2
			reports, err := b.pairs(ctx, b.rounds, half, load.Fanout, kind)
			if errors.Is(err, load.ErrBehind) { // what is sent one by one is not joined by a bare one
				cells[kind] = fmt.Sprintf("does not keep up with %.0f/s", half.Rate)
				continue
			}
			if err != nil {
				return err
			}
			cells[kind] = fmt.Sprintf("%.1f at %.0f/s", median(reports[kind], p99), half.Rate)
		}
		b.row(shape.name+", half of that", "p99, ms, at edits/s", cells[joined], cells[rivulet], "", "15")
	}
	return nil
}

// beside compares the tail with and without somebody beside the good.
func (b *bench) beside(ctx context.Context, what, goal string, trouble func(*load.Config)) error {
	const pairs = 5
	cfg := oneInFlight
	saturated, err := b.measure(ctx, rivulet, cfg, load.Fanout)
	if err != nil {
		return err
	}
	cfg.Rate = saturated.SentPerSecond / 4
	with := cfg
	trouble(&with)
	var good, troubled []*load.Report
	for pair := range pairs {
		b.progress("%s: pair %d of %d", what, pair+1, pairs)
		a, err := b.measure(ctx, rivulet, cfg, load.Fanout)
		if err != nil {
			return err
		}
		c, err := b.measure(ctx, rivulet, with, load.Fanout)
		if err != nil {
			return err
		}
		good, troubled = append(good, a), append(troubled, c)
	}
	b.progress("")
	b.row(fmt.Sprintf("1 x 1000 at %.0f edits/s, without and with %s", cfg.Rate, what), "p99, ms",
		number("%.2f", median(good, p99)), number("%.2f", median(troubled, p99)), number("%.2f", ratios(troubled, good, p99)), goal)
	return nil
}

func (b *bench) stuck(ctx context.Context) error {
	return b.beside(ctx, "one reader that is stuck", "1.2", func(c *load.Config) { c.Stuck = 1 })
}

func (b *bench) hostile(ctx context.Context) error {
	return b.beside(ctx, "5 connections that send nonsense, 5000 messages/s", "", func(c *load.Config) { c.Hostile = 5 })
}
