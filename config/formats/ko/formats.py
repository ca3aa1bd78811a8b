"""Write "오후 4:59": Django's "4:59 오후" has the words in the English order."""

TIME_FORMAT = "A g:i"
DATETIME_FORMAT = "Y년 n월 j일 A g:i"
