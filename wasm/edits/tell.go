package edits

import (
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/text"
)

// SplicesJSON returns splices as a JSON array of [position, deleted units, text].
func SplicesJSON(splices []text.Splice) string {
	out := []byte{'['}
	for i, sp := range splices {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '[')
		out = strconv.AppendInt(out, int64(sp.Pos), 10)
		out = append(out, ',')
		out = strconv.AppendInt(out, int64(sp.Del), 10)
		out = append(out, ',')
		out = append(jsontext.AppendString(out, sp.Ins), ']')
	}
	return string(append(out, ']'))
}

// RunsJSON returns runs as a JSON array of [text, {name: value, …}].
func RunsJSON(runs []text.Run) string {
	out := []byte{'['}
	for i, run := range runs {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(jsontext.AppendString(append(out, '['), run.Text), ",{"...)
		for j, a := range run.Attributes {
			if j > 0 {
				out = append(out, ',')
			}
			out = append(append(jsontext.AppendString(out, a.Name), ':'), a.Value...)
		}
		out = append(out, "}]"...)
	}
	return string(append(out, ']'))
}
