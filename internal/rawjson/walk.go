package rawjson

// Span is a part of a text: from the offset Start to before the offset End, in bytes.
type Span struct{ Start, End int }

// Shift returns the span moved by a number of bytes. It turns offsets in a value into offsets in the text around it.
func (s Span) Shift(by int) Span { return Span{s.Start + by, s.End + by} }

// EachField calls visit with each field of the object in value, in order, and with where the field's value is in
// the text of value. Null and the empty text of an absent value have no fields. The error is that of visit, which
// ends the walk, or ErrMalformed for anything but an object.
func EachField(value string, visit func(field Field, at Span) error) error {
	i, err := enter(value, '{', "is not an object")
	for err == nil {
		var f Field
		var at Span
		if f, at, i = nextField(value, i); i < 0 {
			return nil
		}
		err = visit(f, at)
	}
	return err
}

// EachElement calls visit with each element of the array in value, in order, and with where it is in the text of
// value. Null and the empty text of an absent value have no elements. The error is that of visit, which ends the
// walk, or ErrMalformed for anything but an array.
func EachElement(value string, visit func(element string, at Span) error) error {
	i, err := enter(value, '[', "is not an array")
	for err == nil {
		var at Span
		if at, i = nextElement(value, i); i < 0 {
			return nil
		}
		err = visit(value[at.Start:at.End], at)
	}
	return err
}

// enter returns the offset after the opening bracket of value. For null and for no text at all it returns the
// offset of their end, where nextField and nextElement find nothing.
func enter(value string, bracket byte, otherwise shapeError) (int, error) {
	i := skipSpace(value, 0)
	switch {
	case i == len(value):
		return i, nil
	case value[i] == bracket:
		return i + 1, nil
	case value[i] == 'n':
		return len(value), nil
	}
	return 0, otherwise
}

// nextField returns the field at or after offset i of an object's text, where its value is, and the offset behind
// it. After the last field that offset is negative.
func nextField(text string, i int) (f Field, at Span, next int) {
	key, i := nextElement(text, i)
	if i < 0 {
		return Field{}, Span{}, i
	}
	start := skipSpace(text, skipSpace(text, i)+1) // The colon is in between.
	at = Span{start, valueEnd(text, start)}
	return Field{text[key.Start:key.End], text[at.Start:at.End]}, at, at.End
}

// nextElement returns where the value at or after offset i of an array's text is, and the offset behind it. After
// the last value that offset is negative.
func nextElement(text string, i int) (at Span, next int) {
	i = skipSpace(text, i)
	if i < len(text) && text[i] == ',' {
		i = skipSpace(text, i+1)
	}
	if i >= len(text) || text[i] == ']' || text[i] == '}' {
		return Span{}, -1
	}
	end := valueEnd(text, i)
	return Span{i, end}, end
}

// skipSpace returns the offset of the first byte at or after i that is not whitespace.
func skipSpace(text string, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r') {
		i++
	}
	return i
}

// valueEnd returns the offset behind the value that starts at i.
func valueEnd(text string, i int) int {
	depth := 0
	for ; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ':', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}
