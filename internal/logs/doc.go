// Package logs names what the log records of this program have in common. The packages below the provider log through
// log/slog; the provider routes their records to Terraform's log by subsystem.
package logs
