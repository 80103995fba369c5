// Package wait has the ways in which this program waits: for time to pass, and for work that several callers share.
// Every wait ends when its context ends.
package wait
