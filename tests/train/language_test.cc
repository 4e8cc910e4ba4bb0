#include "core/train/tasks/language.h"
#include "tests/support/catch.h"
