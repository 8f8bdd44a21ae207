package doc_test

import "errors"

var errRefused = errors.New("refused")
