// Package archtest has no code. Its tests check which packages this module's packages reach through their imports.
package archtest
