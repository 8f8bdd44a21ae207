package typed_test

import (
	"fmt"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/table"
	"github.com/rivulet-sync/rivulet/shared/typed"
)

type Card struct {
	Title string `json:"title"`
	Lane  string `json:"lane"`
	Rank  int    `json:"rank"`
}

type Board struct {
	typed.Document
	Name  typed.Field[string] `doc:"name"`
	Cards typed.Table[Card]   `doc:"cards" index:"lane,rank"`
	Notes typed.Text          `doc:"notes"`
	Votes typed.Counter       `doc:"votes"`
	Meta  struct {
		Owner typed.Field[string] `doc:"owner"`
	} `doc:"meta"`
}

func Example() {
	d := doc.New()
	board, err := typed.Bind[Board](d, typed.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer board.Close()
	todo, err := board.Cards.Where(table.Eq("lane", "todo")).OrderBy(table.Asc("rank")).Live()
	if err != nil {
		fmt.Println(err)
		return
	}
	board.Name.Watch(func(name string, ok bool) { fmt.Println("named", name) })

	change, err := board.Update(func(tx *doc.Tx) error {
		board.Name.Set(tx, "Plan")
		board.Meta.Owner.Set(tx, "Ann")
		board.Cards.Put(tx, "c1", Card{"Write", "todo", 2})
		board.Cards.Put(tx, "c2", Card{"Think", "todo", 1})
		board.Notes.Insert(tx, 0, "Hello")
		return board.Votes.Add(tx, 1)
	})
	fmt.Println(change.Empty(), err)
	for id, card := range todo.All() {
		fmt.Println(id, card.Title)
	}

	change, _ = board.Update(func(tx *doc.Tx) error {
		return board.Cards.Edit(tx, "c1", func(c *Card) { c.Rank = 0 })
	})
	fmt.Println(todo.IDs(), string(change.Delta.Bytes()))
	// Output:
	// named Plan
	// false <nil>
	// c2 Think
	// c1 Write
	// [c1 c2] {"cards":{"c1":{"rank":0}}}
}
