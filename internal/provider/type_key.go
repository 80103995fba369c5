package provider

import (
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
)

// Terraform normalises every string that it handles to Unicode NFC. A type that is not in this form would come back as
// another type, which the registry may have as well. So configurations, states and identities have the key of a type.

// keyHelp says in descriptions how a type is given.
const keyHelp = " A type that is not in Unicode NFC has quotes and escapes, such as `\"cafe\\u0301\"`."

// keyOfType returns the key of a type: the type itself or, if a Terraform string cannot carry it unchanged, the type
// with quotes and escapes. So has a type that is itself spelled like such a key.
func keyOfType(typ string) string {
	if format.IsText([]byte(typ)) && typeOfKey(typ) == typ {
		return typ
	}
	return strconv.QuoteToASCII(typ)
}

// typeOfKey is the reverse of keyOfType.
func typeOfKey(key string) string {
	if typ, err := strconv.Unquote(key); err == nil && keyOfType(typ) == key {
		return typ
	}
	return key
}

// typeIn returns the type that an attribute gives by its key; empty if the attribute is null or unknown.
func typeIn(attribute types.String) string { return typeOfKey(attribute.ValueString()) }
