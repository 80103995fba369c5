package rawjson

import (
	"fmt"
	"iter"
)

// Limits bound the number of values in a JSON text. Go's decoder spends a hundred bytes and more on an element such as
// {}, which takes three bytes of text. Zero sets no bound.
type Limits struct {
	// List bounds the elements of one array and the fields of one object.
	List int
	// Total bounds the elements and fields of the whole text, together with its arrays and objects.
	Total int
}

// maxDepth bounds how deep arrays and objects may be nested in a text that Limits.Check reads. Manifests need five.
const maxDepth = 100

// Check returns an error that matches ErrTooMany if a text exceeds a limit. It allocates nothing for the values and
// accepts any text: whether it is JSON is for the decoder to say.
func (l Limits) Check(text []byte) error {
	var commas [maxDepth]int // Of each array or object around the current offset.
	depth, total := 0, 0
	for c := range Structure(text) {
		switch c {
		case '{', '[':
			if depth == maxDepth {
				return tooMany(fmt.Sprintf("is nested more than %d deep", maxDepth))
			}
			commas[depth] = 0
			depth++
		case '}', ']':
			depth = max(depth-1, 0)
			continue
		case ',':
			if depth == 0 {
				return nil // Not JSON.
			}
			around := &commas[(depth-1)%maxDepth]
			if *around++; l.List > 0 && *around >= l.List {
				return tooMany(fmt.Sprintf("has a list or an object of more than %d values", l.List))
			}
		}
		if total++; l.Total > 0 && total > l.Total {
			return tooMany(fmt.Sprintf("has more than %d values", l.Total))
		}
	}
	return nil
}

// Structure yields the brackets, braces and commas of a JSON text that are not inside strings. It accepts any text.
func Structure(text []byte) iter.Seq[byte] {
	return func(yield func(byte) bool) {
		for i := 0; i < len(text); i++ {
			switch text[i] {
			case '"':
				for i++; i < len(text) && text[i] != '"'; i++ {
					if text[i] == '\\' {
						i++
					}
				}
			case '{', '[', '}', ']', ',':
				if !yield(text[i]) {
					return
				}
			}
		}
	}
}
