"""How often things happen: shares of one, by year where nothing else is said.

Rates with a source are those of DOMAIN 7.3 (contracts and insurances of employees away from home 2012, training
2013, school and kindergarten places) and the planning values of DOMAIN 7.2; the others are made up around them,
so that school levels come out high, those of workplace and city low, and a household has some 30 events.
"""

from __future__ import annotations

# Households (DOMAIN 7.2)
SIZES = {1: 0.30, 2: 0.25, 3: 0.27, 4: 0.14, 5: 0.04}
THERE_AT_THE_START = 0.73  # with arrivals of 18 % a year over two years the rest comes later
MOVES = 0.15
LEAVES = 0.12
LEAVE_REASONS = {"left_city": 0.93, "gained_local_hukou": 0.04, "dissolved": 0.02, "registered_in_error": 0.01}
BIRTHS = 0.062  # of couples of the right age: some 2.5 % of all households
DEATHS = {"younger": 0.0012, "older": 0.017}  # from 60 on; together 0.3 % of households
JOINS = 0.02
MERGED = 0.45  # of newcomers: they had a file of their own, and 1 % of all households take in another
UNMERGED = 0.5  # of merges: they were a mistake; more than in life, so that a thousand households know some
PARTS = 0.02  # half of them split off, when they are of age: 1 % of all households split
REOPENED = 0.15  # of files that were closed since the household had left the city
HEAD_CHANGES = 0.012
GAINS_HUKOU = 0.006
DISABILITY = 0.01
MARRIAGE = 0.05
PREGNANCY_TOLD = 0.85
PERMIT = 0.1
LOCAL_SPOUSE = 0.06

SERVED = {1.8: 0.2, 1.0: 0.5, 0.5: 0.3}  # how well a household is served: factors and their shares

DOUBLES = 0.01  # of households: their head has another file already

# Say over one's data, of people
CONSENTS = {"survey": 0.06, "cross_bureau": 0.05, "publication": 0.02}
CONSENT_WITHDRAWN = 0.15  # of those who agreed
SURVEYED = 0.7  # of those who agreed to it
ERASURE_ASKED = 0.004

# How things are told
LATE = 0.055  # more than 30 days after they happened: with what waits for it, 8 %
CORRECTED = 0.035  # of grants and deliveries: 2 % of all events of services
VOIDED = 0.009  # likewise 0.5 %
UNTOLD = 0.02  # of verifications, and of needs that were not there
MISTOLD = 0.02  # of those who arrive or join
REPEATED = 0.01  # deliveries of a feed that come twice

# School
SCHOOL_PLACE = 0.985
PRESCHOOL_PLACE = 0.85
SAME_SCHOOL = 0.8
FEE_FREE = 0.97
MIXED_CLASS = 0.94
OWNERSHIP = {"public": 0.83, "purchased_place": 0.07, "private": 0.10}

# Work
EMPLOYED = {"male": 0.88, "female": 0.72}
EMPLOYMENTS = {
    "employee": 0.62,
    "dispatched": 0.08,
    "self_employed": 0.17,
    "part_time": 0.05,
    "platform": 0.04,
    "family": 0.04,
}
CONTRACT = 0.46  # 43.9 % written, some of which run out
CONTRACT_KINDS = {"fixed": 0.80, "open": 0.14, "task": 0.06}
CONTRACT_RENEWED = 0.7
EMPLOYEE_INSURANCES = {
    "SSI-INJ": 0.240,
    "SSI-MED": 0.169,
    "SSI-PEN": 0.143,
    "SSI-UNE": 0.084,
    "SSI-MAT": 0.061,
}
RESIDENT_MEDICAL = {"adult": 0.28, "child": 0.45, "elder": 0.30}  # of adults: those without such an employer
RESIDENT_PENSION = 0.18
STAYS_INSURED = 0.8
BENEFIT = 0.5
YEARS_IN_A_JOB = 3.0

# Needs: the share of people or households that have one when they are first asked, and who gets the service
ASKED = 0.2
ASKED_EVERYTHING = 0.03
TRAINING = 0.20
TRAINED = 0.60
COMPLETES = 0.88
CERTIFIED = 0.6
GUIDED = 0.7
STARTUP = 0.04
STARTED_UP = 0.35
HOUSING = 0.28
HOUSING_ASKED = 0.6
HOUSING_KINDS = {"HSG-PUB": 0.75, "HSG-LOW": 0.17, "HSG-ECO": 0.08}
HOUSED = 0.35
LOW_INCOME = 0.035
DIBAO = 0.6
CHILD_WELFARE = 0.015
MATERNAL = 0.3
CHILD_WELFARE_GRANTED = 0.7
INS_TRANSFER = 0.06
TRANSFERRED = 0.55
CHRONIC = {"middle": 0.10, "older": 0.35}
PSYCH = 0.004
FOLLOWED_UP = 0.75
REFERRED = 0.25
RETURNED = 0.15

# Health
HEALTH_RECORD = 0.58
HEALTH_RECORD_KEPT = 0.5
DOSE = 0.95
CHILD_VISIT = 0.72
MATERNAL_VISIT = 0.8
ELDER_CHECK = 0.6
HEALTH_INFORMATION = 0.2

# Family planning, community, city
PLANNING_FILE = 0.62
PLANNING_OFFER = 0.62
PLANNING_SERVICE = 0.04
HALL = 0.45
VISIT = 0.40
VERIFIED = 0.45
OUTCOMES = {"present": 0.88, "absent": 0.08, "unknown": 0.03, "moved": 0.01}
CARD = 0.42
COUNTER = 0.05
CULTURE = 0.30
FITNESS = 0.08
CHARITY = 0.01
INFECTION = 0.01

# Units (those that are in place at the start, and come with every year)
NEW_TYPE = 0.15  # RULES G14
COLLECTIVE = 0.25
COLLECTIVE_RENEWED = 0.7
FACT_IN_PLACE = 0.6
FACT_COMES = 0.12
FEED_LATE = 0.06
