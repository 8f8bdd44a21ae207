package deltalog

// Delivered returns how many messages the subscription has passed on.
func (w *SpaceWatch) Delivered() (int64, error) { return w.sub.Delivered() }
