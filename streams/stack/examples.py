"""The two examples of the provider's page "Message Failed", as they stood there.

Source: Bandwidth/bandwidth.github.io, messaging/callbacks/messageFailed.md, as of 2020.
Both are of 2016 and share a message id; the second one has a comma too many.
"""

MESSAGE_ID = "14762070468292kw2fuqty55yp2b2"

FORBIDDEN_TO_COUNTRY = b"""\
[
  {
    "type": "message-failed",
    "time": "2016-09-14T18:20:16Z",
    "description": "forbidden to country",
    "to": "+52345678903",
    "errorCode": 4432,
    "message": {
      "id": "14762070468292kw2fuqty55yp2b2",
      "time": "2016-09-14T18:20:16Z",
      "to": [
        "+12345678902",
        "+52345678903"
      ],
      "from": "+12345678901",
      "text": "",
      "applicationId": "93de2206-9669-4e07-948d-329f4b722ee2",
      "media": [
        "https://dev.bandwidth.com/images/bandwidth-logo.png"
      ],
      "owner": "+12345678901",
      "direction": "out",
      "segmentCount": 1
    }
  }
]
"""

RECEIPT_EXPIRED = b"""\
[
  {
    "type"          : "message-failed",
    "time"          : "2016-09-14T18:20:16Z",
    "description"   : "delivery-receipt-expired",
    "to"            : "+12345678902",
    "errorCode"     : 9902,
    "message"       : {
      "id"            : "14762070468292kw2fuqty55yp2b2",
      "time"          : "2016-09-14T18:20:16Z",
      "to"            : [
          "+12345678902",
        ],
      "from"          : "+18008675309",
      "text"          : "",
      "applicationId" : "93de2206-9669-4e07-948d-329f4b722ee2",
      "owner"         : "+18008675309",
      "direction"     : "out",
      "segmentCount"  : 1
    }
  }
]
"""

RECEIPT_EXPIRED_REPAIRED = RECEIPT_EXPIRED.replace(
    b'"+12345678902",\n        ]', b'"+12345678902"\n        ]'
)
