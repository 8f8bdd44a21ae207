package httpapi

// PrincipalOf is who a connection from an address counts for.
var PrincipalOf = principalOf
