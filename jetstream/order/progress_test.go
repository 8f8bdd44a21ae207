package order

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// Documents that fail have their own pauses when each delivery is of one: others are delivered
// at once.
func TestL10_FailingDocumentsHoldUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		for d := range 40 {
			m.put(chain(fmt.Sprint("bad", d), 1)...)
		}
		m.put(chain("good", 3)...)
		began := time.Now()
		var took time.Duration
		failed := map[string]bool{}
		m.before = func(op, document string) error {
			m.mu.Lock()
			defer m.mu.Unlock()
			switch {
			case op == "deliver" && document == "good":
				took = time.Since(began)
			case op == "deliver" && !failed[document]:
				failed[document] = true
				return errors.New("bad")
			}
			return nil
		}
		run(t, m, Config{PerDocument: true, BatchSize: 1, RetryAfter: time.Minute})
		check(t, m, true)
		if took > time.Second {
			t.Errorf("the good document waited for %v", took)
		}
	})
}
