// Package rawjson edits JSON documents as other writers left them. Unknown fields, the order of fields and the
// spelling of keys and values stay byte for byte, which Go structs and maps cannot do.
//
// An [Object] is a list of fields whose keys and values are parts of the source text. [EachField] and [EachElement]
// also say where a value is, for edits in place.
//
// The functions that walk JSON expect text that encoding/json accepts, because [Check] or [Compact] returned no
// error for it, or a value out of such text. They do not look for syntax errors and may panic on other text.
// Whitespace between tokens is allowed. encoding/json bounds the depth, and the caller bounds the size; a [Parser]
// bounds the number of fields if the caller sets a bound.
package rawjson
