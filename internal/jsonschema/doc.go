// Package jsonschema checks JSON content against a JSON Schema. It fetches no schema from anywhere, bounds the work on
// hostile content, and never repeats a value of the content, which may be a secret, in a message.
package jsonschema
