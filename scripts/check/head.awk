# SPDX-License-Identifier: GPL-2.0
#
# Prints why a patch has no proper head: a subject, a message, the line ---, and below it
# the whole files that the patch brings. The diff may follow.

/^(diff --git |--- a\/)/ && !below { why = "no line --- before the diff"; exit }
below && /^(diff --git |--- a\/)/ { diff = 1; exit }
/^---$/ && !below	 { below = NR; next }
NR == 1 && !/^Subject: ./ { why = "no Subject: in line 1"; exit }
NR == 2 && /./		 { why = "no blank line 2"; exit }
!below && /^(From|Date|Signed-off-by): / { why = $1 " is added by make series"; exit }
!below && NR > 2 && /./	 { body = 1 }
below && /^Brings: [^ ]+$/ { brings = 1; next }
below && /./		 { why = "line " NR " is no Brings: line"; exit }
END {
	if (!why && !below) why = "no line ---"
	if (!why && !body) why = "no message"
	if (!why && !diff && !brings) why = "neither edits nor brings a file"
	if (why) print FILENAME " (" why ")"
}
